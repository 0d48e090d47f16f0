// The files of the audit log: `audit.jsonl` and up to ten older ones; the oldest has the highest number.

import { createReadStream } from 'node:fs';
import { lstat, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../protocols/system-error.js';

/** Number of older files that are kept. */
const KEPT_FILES = 10;

export interface FoundFile {
  readonly path: string;
  readonly bytes: number;
}

export function auditPath(stateDir: string): string {
  return join(stateDir, 'audit.jsonl');
}

/** All files, from the oldest to the current one. */
export async function auditFiles(path: string): Promise<readonly FoundFile[]> {
  const found: FoundFile[] = [];
  for (let number = KEPT_FILES; number >= 0; number--) {
    const name = numbered(path, number);
    try {
      const stats = await lstat(name);
      if (stats.isFile()) found.push({ path: name, bytes: stats.size });
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
  }
  return found;
}

/** Makes room for a new file; the oldest one is removed. */
export async function rotate(path: string): Promise<void> {
  for (let number = KEPT_FILES - 1; number >= 0; number--) {
    try {
      await rename(numbered(path, number), numbered(path, number + 1));
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
  }
}

/** In characters. A file with longer lines was not written by the gateway. */
const LONGEST_LINE = 1024 * 1024;

/** The lines of a file, without line feeds. The file is closed when the loop ends, also if it ends early. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of createReadStream(path, 'utf8')) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length <= LONGEST_LINE) continue;
    yield rest;
    rest = '';
  }
  if (rest !== '') yield rest;
}

const numbered = (path: string, number: number): string => (number === 0 ? path : `${path}.${number}`);
