// Connections must leave file descriptors for FFmpeg's pipes, segments and viewers: a flood of sockets would starve running streams.

import { readFileSync } from 'node:fs';

/** How many files this process may have open, or nothing where the system does not say (Linux does). */
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

/** For what runs: segments being written, FFmpeg's pipes, the certificate. A quarter where that is less. */
const RESERVED = 1_024;

function reserved(fileLimit: number): number {
  return Math.min(RESERVED, Math.floor(fileLimit / 4));
}

/** What is left for other servers beside RTMP's connections and what runs. */
export function connectionsBeside(rtmpConnections: number, fileLimit: number | undefined): number | undefined {
  if (fileLimit === undefined) return undefined;
  return Math.max(1, fileLimit - connectionsWithin(rtmpConnections, fileLimit) - reserved(fileLimit));
}

/** First descriptors kept from connections of all kinds (C4.04). Encoders may have half of what is kept from viewers. */
export function reservedFrom(fileLimit: number | undefined, peers: 'viewers' | 'encoders'): number | undefined {
  if (fileLimit === undefined) return undefined;
  return fileLimit - (peers === 'viewers' ? reserved(fileLimit) : Math.ceil(reserved(fileLimit) / 2));
}

/** Half of the descriptors at most go to RTMP connections. */
export function connectionsWithin(maxConnections: number, fileLimit: number | undefined): number {
  return fileLimit === undefined ? maxConnections : Math.max(1, Math.min(maxConnections, Math.floor(fileLimit / 2)));
}
