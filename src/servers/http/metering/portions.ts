// What the two versions of HTTP tell the connection about the bytes that arrive: where a portion ends, and what nobody needs to send.

/** Why a connection is ended for what it sends. */
export type Abuse = 'pipelined-bytes' | 'queued-bytes' | 'reset-streams';

export interface Portions {
  /** Looks at bytes as they arrive, in order, before any of them is given to the parser. @returns why the connection must end */
  look(bytes: Buffer): Abuse | undefined;
  /**
   * @param bytes the oldest that were not given to the parser
   * @returns how many of them the parser may have at once
   */
  next(bytes: Buffer): number;
  /** A head has begun and has not ended. HTTP/1.1 tells by the request that comes of it. */
  readonly isInsideHead: boolean;
}
