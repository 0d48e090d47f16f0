// Message streams are numbers that a peer asks for and then uses as it likes; this knows which exist and which one is meant.

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
   * @returns an id of at least 1 that this connection has not used before, so that late media of a deleted stream is nobody's.
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
   * The stream that a publish or play means. Some cameras send these on stream 0 although they have created one: they mean
   * that one.
   * @returns undefined for a stream that createStream has not made, or that was deleted
   */
  find(id: number): number | undefined {
    if (this.#ids.has(id)) return id;
    return id === CONTROL_MESSAGE_STREAM ? [...this.#ids].at(-1) : undefined;
  }
}
