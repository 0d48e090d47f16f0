// Reads the text of a configuration file. Refuses devices and other files that may be endless.

import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { systemReason } from '../protocols/system-error.js';

/** Enough for thousands of users with their stream names. */
const MAX_BYTES = 1024 * 1024;
/** Paths under which a shell passes `<(command)` and `-`, or a container passes a secret. */
const PASSED_DESCRIPTOR = /^\/(dev\/(fd\/\d+|stdin|null)|proc\/self\/fd\/\d+)$/;

export type FileText = { readonly text: string } | { readonly problem: string };

/** @param path absolute */
export function readFileText(path: string): FileText {
  try {
    const refused = PASSED_DESCRIPTOR.test(path) ? undefined : refusal(statSync(path));
    if (refused !== undefined) return { problem: `it is ${refused}, expected a YAML file` };
    const bytes = readBounded(path);
    if (bytes.length > MAX_BYTES) return { problem: `it is longer than ${MAX_BYTES / 1024} kB` };
    return decode(bytes);
  } catch (error) {
    return { problem: systemReason(error) };
  }
}

function refusal(stats: Stats): string | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a named pipe';
  return stats.isSocket() ? 'a socket' : 'a device';
}

/** Reads at most one byte more than allowed, whatever the size field says, because it is meaningless for a pipe. */
function readBounded(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const expected = fstatSync(file).size;
    const chunks: Buffer[] = [];
    let length = 0;
    while (length <= MAX_BYTES) {
      const chunk = Buffer.alloc(Math.min(MAX_BYTES + 1 - length, Math.max(expected, 65_536)));
      const read = readSync(file, chunk);
      if (read === 0) break;
      chunks.push(chunk.subarray(0, read));
      length += read;
    }
    return Buffer.concat(chunks);
  } finally {
    closeSync(file);
  }
}

/** Editors on Windows may write UTF-16, which would otherwise be read as nonsense. */
function decode(bytes: Buffer): FileText {
  const marked = bytes.length >= 2 && [0xfffe, 0xfeff].includes(bytes.readUInt16BE(0));
  if (marked) return { problem: 'its text is UTF-16; save it as UTF-8' };
  if (bytes.includes(0)) return { problem: 'it holds a zero byte, expected a YAML file' };
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { problem: 'its text is not UTF-8; if it is a YAML file, save it as UTF-8' };
  }
}
