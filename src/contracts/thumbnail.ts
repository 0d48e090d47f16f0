// The thumbnail of a stream, made in one module and served by another.

import type { Seconds } from '../protocols/units.js';

export interface Thumbnail {
  /** JPEG. */
  readonly body: Buffer;
  /** Strong entity tag, including its quotes (RFC 9110 section 8.8.3). */
  readonly entityTag: string;
  /** How long it may be cached. */
  readonly maxAge: Seconds;
}
