// What the gateway and its disk thread tell each other. The bytes to be written lie in memory that both share.

/** What the thread knows from its start. */
export interface DiskThreadData {
  /** The media directory. */
  readonly root: string;
  /** Bytes of the writes of one message; the thread reads them before it answers. */
  readonly staging: SharedArrayBuffer;
}

export interface DiskMessage {
  /** Real path of the media directory; undefined if it is not known yet. */
  readonly realRoot: string | undefined;
  /** Each one is done in its order up to the first failure; one does not affect another. */
  readonly jobs: readonly (readonly DiskCall[])[];
}

export type DiskCall = WriteCall | { readonly kind: 'remove' | 'size' | 'list'; readonly names: readonly string[] };

/** A file, or the next bytes of a file that did not fit into one message. */
export interface WriteCall {
  readonly kind: 'write';
  /** Path below the media directory. */
  readonly names: readonly string[];
  /** Where to write until the file is complete; undefined: under its own name. */
  readonly temporary: string | undefined;
  /** Whether its directory may have to be made. */
  readonly make: boolean;
  /** Its bytes in the shared memory. */
  readonly at: number;
  readonly length: number;
  readonly begins: boolean;
  readonly ends: boolean;
}

export interface JobDone {
  /** What each call returned: a size, or the names below a directory; undefined if there is no such file. */
  readonly answers: (number | readonly string[] | undefined)[];
  readonly failure: DiskFailure | undefined;
}

export interface DiskFailure {
  readonly message: string;
  /** The system's; `refused` if the rules for the media directory forbid it; or `NOT_THE_ROOT`. */
  readonly code: string | undefined;
}

/** The media directory is not, or not any more, where the gateway thinks it is. */
export const NOT_THE_ROOT = 'root';
