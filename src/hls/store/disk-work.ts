// The messages between the gateway and its disk thread. The bytes to write lie in shared memory.

/** What the thread gets when it starts. */
export interface DiskThreadData {
  /** The media directory. */
  readonly root: string;
  /** The bytes to write of one message. The gateway may overwrite them once the thread has answered. */
  readonly staging: SharedArrayBuffer;
}

export interface DiskMessage {
  /** Real path of the media directory; undefined if it is not known yet. */
  readonly realRoot: string | undefined;
  /** The calls of a job are made in order, up to the first failure. A failure does not affect other jobs. */
  readonly jobs: readonly (readonly DiskCall[])[];
}

export type DiskCall = WriteCall | { readonly kind: 'remove' | 'size' | 'list'; readonly names: readonly string[] };

/** A file, or the next bytes of a file that did not fit into one message. */
export interface WriteCall {
  readonly kind: 'write';
  /** Path below the media directory. */
  readonly names: readonly string[];
  /** Name of the file until it is complete; undefined: its final name. */
  readonly temporary: string | undefined;
  /** Whether its directory may be missing and must then be created. */
  readonly make: boolean;
  /** First byte in the shared memory. */
  readonly at: number;
  readonly length: number;
  readonly begins: boolean;
  readonly ends: boolean;
}

export interface JobDone {
  /** The result of each call: a size, or the names below a directory; undefined if there is no such file. */
  readonly answers: (number | readonly string[] | undefined)[];
  readonly failure: DiskFailure | undefined;
}

export interface DiskFailure {
  readonly message: string;
  /** A system error code; or `refused` if the rules for the media directory forbid the call; or `NOT_THE_ROOT`. */
  readonly code: string | undefined;
}

/** The media directory is not, or no longer, where the gateway expects it. */
export const NOT_THE_ROOT = 'root';
