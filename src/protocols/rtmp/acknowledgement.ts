// Encoders stop sending when nobody acknowledges, or when the count goes wrong at 4 GiB; the arithmetic is here, alone.

import { DEFAULT_WINDOW_ACKNOWLEDGEMENT_SIZE, MIN_ACKNOWLEDGEMENT_INTERVAL } from './limits.js';

/** Decides when to acknowledge and what to say (RTMP 1.0 5.4.3, 5.4.4). */
export class AcknowledgementCounter {
  #receivedBytes: number;
  #acknowledgedBytes: number;
  #interval = DEFAULT_WINDOW_ACKNOWLEDGEMENT_SIZE / 2;

  /** @param alreadyReceived bytes of this connection received and acknowledged before counting starts here. */
  constructor(alreadyReceived = 0) {
    this.#receivedBytes = alreadyReceived;
    this.#acknowledgedBytes = alreadyReceived;
  }

  /** Bytes of the connection so far, the handshake included. Exact up to 2^53. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  received(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  /**
   * The peer expects an acknowledgement each `windowSize` bytes; it gets one each half window, so that one on its way
   * never stops it. Bytes; 0 says nothing and is ignored.
   */
  set windowSize(windowSize: number) {
    if (windowSize > 0) this.#interval = Math.max(windowSize / 2, MIN_ACKNOWLEDGEMENT_INTERVAL);
  }

  /** The sequence number to send now, or undefined: all bytes received so far modulo 2^32, not those since the last one. */
  due(): number | undefined {
    if (this.#receivedBytes - this.#acknowledgedBytes < this.#interval) return undefined;
    this.#acknowledgedBytes = this.#receivedBytes;
    return this.#receivedBytes % 2 ** 32;
  }
}
