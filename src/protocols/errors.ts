// One type for all errors: a stable code, a kind that decides the reaction, and a text that says what was received and what was expected.

/**
 * - `invalid-data`: the peer sent bytes that break its protocol; close that peer.
 * - `invalid-state`: a valid request at the wrong moment.
 * - `unsupported`: valid, but this program, or the FFmpeg it found, cannot serve it.
 * - `limit`: a documented bound was exceeded.
 * - `denied`: access was refused.
 * - `unavailable`: a resource (disk, process, port) is missing or failed; this may pass.
 */
export type ErrorKind = 'invalid-data' | 'invalid-state' | 'unsupported' | 'limit' | 'denied' | 'unavailable';

export interface ErrorEntry {
  readonly kind: ErrorKind;
  /** One sentence for docs/errors.md: what happened and what to do. */
  readonly summary: string;
}

export class SluiceError extends Error {
  override readonly name = 'SluiceError';
  /** `module.what`, for example `rtmp.chunk-size`; listed in docs/errors.md, never renamed. */
  readonly code: string;
  readonly kind: ErrorKind;

  constructor(code: string, kind: ErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.kind = kind;
  }
}

export interface ErrorCatalogue<C extends string> {
  /** Creates the error without throwing it; `message` says what was received and what was expected. */
  (code: C, message: string, options?: ErrorOptions): SluiceError;
  readonly entries: Readonly<Record<C, ErrorEntry>>;
}

/** Each module registers its codes once, in its `errors.ts`; test/docs.test.ts checks that docs/errors.md lists them all. */
export function defineErrors<const C extends string>(entries: Readonly<Record<C, ErrorEntry>>): ErrorCatalogue<C> {
  const make = (code: C, message: string, options?: ErrorOptions): SluiceError =>
    new SluiceError(code, entries[code].kind, message, options);
  return Object.assign(make, { entries });
}

/** Ends an exhaustive `switch` over a closed union. */
export function assertNever(value: never): never {
  throw new TypeError(`unreachable: ${JSON.stringify(value)}`);
}
