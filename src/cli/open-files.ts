// Checks whether this process may open enough files. If not, Node cannot load packages and reports that they are not installed.

import { readFileSync } from 'node:fs';

/** Packages are loaded many at a time, which needs 220 files even without a single connection. */
const FEWEST_FILES = 256;

/** One sentence that describes the problem; undefined if the limit is high enough or unknown (only Linux provides it). */
export function openFilesProblem(): string | undefined {
  let limits: string;
  try {
    limits = readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return undefined;
  }
  return judgeOpenFiles(limits);
}

/** @param limits the text of `/proc/self/limits` (proc(5)) */
function judgeOpenFiles(limits: string): string | undefined {
  const soft = /^Max open files\s+(\d+)\s/m.exec(limits)?.[1];
  if (soft === undefined || Number(soft) >= FEWEST_FILES) return undefined;
  return (
    `this process may have ${soft} files open (ulimit -n), expected at least ${FEWEST_FILES}, better 65536: ` +
    'raise it with "ulimit -n 65536", or LimitNOFILE=65536 in the systemd unit'
  );
}
