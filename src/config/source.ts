// What the file, the environment and the flags have in common: assignments to options, and problems with where they came from.

import type { FileOption } from './option.js';

/** One option set by one source; the value is not checked yet. */
export interface Assignment {
  readonly option: FileOption;
  /** Text as it was written; from the file also lists and maps of text. */
  readonly raw: unknown;
  /** Where it was written: `--http-port`, `SLUICE_HTTP_PORT`, `sluice.yaml:3 httpPort`. */
  readonly origin: string;
  /** Where an entry of a list was written: `sluice.yaml:5 ladder, entry 2`. Default: the origin with its number. */
  readonly entryOrigin?: (index: number) => string;
}

export interface SourceReading {
  readonly assignments: readonly Assignment[];
  /** Each one line: origin, what was got, what was expected. A fault of the file's text has the line itself below. */
  readonly problems: readonly string[];
  /** What is allowed but hardly meant. */
  readonly warnings?: readonly string[];
}

/** The place of an assignment, or of one entry of its list. */
export function placeOf({ origin, entryOrigin }: Assignment, entry?: number): string {
  if (entry === undefined) return origin;
  return entryOrigin?.(entry) ?? `${origin}, entry ${entry + 1}`;
}
