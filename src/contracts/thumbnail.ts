// A picture of a stream, as it is made in one room and served by another.

import type { Seconds } from '../protocols/units.js';

export interface Thumbnail {
  /** JPEG. */
  readonly body: Buffer;
  /** Strong validator with its quotes, RFC 9110 section 8.8.3. */
  readonly entityTag: string;
  /** How long it may be cached. */
  readonly maxAge: Seconds;
}
