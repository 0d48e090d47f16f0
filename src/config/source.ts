// What the file, the environment and the flags have in common: assignments to options, and problems with where they came from.

import type { FileOption } from './option.js';

/** One option set by one source; the value is not checked yet. */
export interface Assignment {
  readonly option: FileOption;
  readonly raw: unknown;
  /** Where it was written: `--http-port`, `SLUICE_HTTP_PORT`, `sluice.yaml:3 httpPort`. */
  readonly origin: string;
}

export interface SourceReading {
  readonly assignments: readonly Assignment[];
  /** Each one line: origin, what was got, what was expected. */
  readonly problems: readonly string[];
}
