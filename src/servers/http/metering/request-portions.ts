// HTTP/1.1 in portions of one request: whatever a client sends ahead waits until its request before that is answered.

import type { Portions } from './portions.js';

/** Most heads are shorter; a longer one is given in several pieces, and so is a body. */
const MAX_PORTION_BYTES = 1024;

/** The empty line that ends a head, RFC 9112 section 2.1, whatever ends the line before it. */
const END_OF_HEAD = Buffer.from('\n\r\n');

export class RequestPortions implements Portions {
  readonly isInsideHead = false;

  look(): undefined {
    return undefined;
  }

  next(bytes: Buffer): number {
    const end = bytes.indexOf(END_OF_HEAD);
    const whole = end === -1 ? bytes.length : end + END_OF_HEAD.length;
    return Math.min(whole, MAX_PORTION_BYTES);
  }
}
