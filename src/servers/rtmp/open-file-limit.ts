// Limits connections so that file descriptors are left for FFmpeg's pipes, segments and viewers: a flood of sockets would starve running
// streams.

import { readFileSync } from 'node:fs';

/** How many files this process may have open; undefined if unknown (only Linux provides the number). */
export function openFileLimit(): number | undefined {
  try {
    return parseOpenFileLimit(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return undefined;
  }
}

/** The soft limit from the text of `/proc/self/limits` (proc(5)). */
export function parseOpenFileLimit(limits: string): number | undefined {
  const soft = /^Max open files\s+(\d+)\s/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/** Reserved for segments being written, FFmpeg's pipes and the certificate; at most a quarter of the limit. */
const RESERVED = 1_024;

function reserved(fileLimit: number): number {
  return Math.min(RESERVED, Math.floor(fileLimit / 4));
}

/** How many connections other servers may have beside the RTMP connections and the reserve. */
export function connectionsBeside(rtmpConnections: number, fileLimit: number | undefined): number | undefined {
  if (fileLimit === undefined) return undefined;
  return Math.max(1, fileLimit - connectionsWithin(rtmpConnections, fileLimit) - reserved(fileLimit));
}

/**
 * The lowest descriptor number that connections of any kind may not use. Encoders may also use half of the numbers that are reserved from
 * viewers.
 */
export function reservedFrom(fileLimit: number | undefined, peers: 'viewers' | 'encoders'): number | undefined {
  if (fileLimit === undefined) return undefined;
  return fileLimit - (peers === 'viewers' ? reserved(fileLimit) : Math.ceil(reserved(fileLimit) / 2));
}

/** At most half of the descriptors are used for RTMP connections. */
export function connectionsWithin(maxConnections: number, fileLimit: number | undefined): number {
  return fileLimit === undefined ? maxConnections : Math.max(1, Math.min(maxConnections, Math.floor(fileLimit / 2)));
}
