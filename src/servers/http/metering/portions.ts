// How the input of a connection is cut into portions for Node's parser. HTTP/1.1 is cut after each request head, so that a pipelined
// request waits until the previous one is answered; `frame-portions.ts` cuts HTTP/2.

/** Excesses for which a connection is ended. */
export type Abuse = 'pipelined-bytes' | 'queued-bytes' | 'reset-streams';

export interface Portions {
  /**
   * Inspects bytes as they arrive, before the parser gets any of them.
   * @returns why the connection must be ended; undefined if it need not
   */
  look(bytes: Buffer): Abuse | undefined;
  /**
   * @param bytes the oldest bytes that the parser has not got yet
   * @returns how many of them make up the next portion
   */
  next(bytes: Buffer): number;
  /** Whether a request head has begun and is incomplete. Always false for HTTP/1.1, where the absence of a request shows it. */
  readonly isInsideHead: boolean;
}

/** Most heads are shorter. Longer ones, and bodies, take several portions. */
const MAX_PORTION_BYTES = 1024;

/** The empty line that ends a head (RFC 9112 section 2.1). The line before it may end with CRLF or LF. */
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
