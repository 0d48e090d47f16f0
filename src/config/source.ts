// The common result of reading file, environment and flags: assignments to options, and problems with their origin.

import type { FileOption } from './option.js';

/** One option set by one source; the value is not validated yet. */
export interface Assignment {
  readonly option: FileOption;
  /** The text as it was written; from the file also lists and maps of text. */
  readonly raw: unknown;
  /** Where the assignment was written: `--http-port`, `SLUICE_HTTP_PORT`, `sluice.yaml:3 httpPort`. */
  readonly origin: string;
  /** Where an entry of a list was written: `sluice.yaml:5 ladder, entry 2`. Default: the origin with the number of the entry. */
  readonly entryOrigin?: (index: number) => string;
}

export interface SourceReading {
  readonly assignments: readonly Assignment[];
  /** One line each: origin, what was given, what was expected. For a YAML syntax error, the line of the file follows. */
  readonly problems: readonly string[];
  /** Values that are allowed but probably mistakes. */
  readonly warnings?: readonly string[];
}

/** The place of an assignment, or of one entry of its list. */
export function placeOf({ origin, entryOrigin }: Assignment, entry?: number): string {
  if (entry === undefined) return origin;
  return entryOrigin?.(entry) ?? `${origin}, entry ${entry + 1}`;
}
