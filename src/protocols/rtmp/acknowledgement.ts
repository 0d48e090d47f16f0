// Counts received bytes and decides when to acknowledge them. Encoders stop sending when no acknowledgement comes, or when the count goes
// wrong at 4 GiB.

import { DEFAULT_WINDOW_ACKNOWLEDGEMENT_SIZE, MIN_ACKNOWLEDGEMENT_INTERVAL } from './limits.js';

/** Decides when to acknowledge and what to say (RTMP 1.0 5.4.3, 5.4.4). */
export class AcknowledgementCounter {
  #receivedBytes: number;
  #acknowledgedBytes: number;
  #interval = DEFAULT_WINDOW_ACKNOWLEDGEMENT_SIZE / 2;

  /** @param alreadyReceived bytes that this connection had received and acknowledged before this counter was created. */
  constructor(alreadyReceived = 0) {
    this.#receivedBytes = alreadyReceived;
    this.#acknowledgedBytes = alreadyReceived;
  }

  /** Bytes received on this connection so far, the handshake included. Exact up to 2^53. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  received(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  /**
   * The peer expects an acknowledgement every `windowSize` bytes. We send one every half window, so that the peer never stops while one is
   * still on its way. In bytes; 0 is ignored.
   */
  set windowSize(windowSize: number) {
    if (windowSize > 0) this.#interval = Math.max(windowSize / 2, MIN_ACKNOWLEDGEMENT_INTERVAL);
  }

  get isDue(): boolean {
    return this.#receivedBytes - this.#acknowledgedBytes >= this.#interval;
  }

  /**
   * The sequence number to send now, or undefined when none is due. It counts all bytes received so far, modulo 2^32, not those since the
   * last acknowledgement.
   */
  due(): number | undefined {
    if (!this.isDue) return undefined;
    this.#acknowledgedBytes = this.#receivedBytes;
    return this.#receivedBytes % 2 ** 32;
  }
}
