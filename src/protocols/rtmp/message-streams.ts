// Keeps the message streams that a peer has created, and finds the one that a command means.

import { rtmpError } from './errors.js';
import { CONTROL_MESSAGE_STREAM } from './message-types.js';

/** The message streams of one connection (RTMP 1.0 7.2.1.3). Stream 0 belongs to the connection itself. */
export class MessageStreams {
  readonly #limit: number;
  readonly #ids = new Set<number>();
  #last = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * @returns an id of at least 1 that this connection has not used before, so that late media of a deleted stream is not attributed to a
   * new one.
   * @throws rtmp.message-streams
   */
  create(): number {
    if (this.#ids.size >= this.#limit) {
      throw rtmpError(
        'rtmp.message-streams',
        `got one more createStream, expected at most ${this.#limit} open streams`,
      );
    }
    this.#last += 1;
    this.#ids.add(this.#last);
    return this.#last;
  }

  delete(id: number): void {
    this.#ids.delete(id);
  }

  /**
   * Finds the stream that a publish or play refers to. Some cameras create a stream but send these commands on stream 0; they mean the one
   * they created.
   * @returns undefined for a stream that was never created, or that was deleted
   */
  find(id: number): number | undefined {
    if (this.#ids.has(id)) return id;
    return id === CONTROL_MESSAGE_STREAM ? [...this.#ids].at(-1) : undefined;
  }
}
