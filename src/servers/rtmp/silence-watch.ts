// Notices that a peer has gone quiet: first it is asked for a sign of life, later it is given up.

import type { Milliseconds } from '../../protocols/units.js';
import { Deadline } from './deadline.js';

export interface SilenceWatchOptions {
  /** Silence after which the peer is given up. */
  readonly idleTimeout: Milliseconds;
  /** Silence after which it is asked; at most half of the above is used, or the answer would come too late. */
  readonly pingInterval: Milliseconds;
  /** While we do not read, the silence is ours and does not count. */
  readonly isReading: () => boolean;
  readonly onPing: () => void;
  readonly onIdle: (silence: Milliseconds) => void;
}

export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  readonly #deadline = new Deadline();
  #lastSign: Milliseconds = performance.now();
  #asked = false;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
    this.#schedule(0);
  }

  /** The peer has sent a byte, or we have begun to read again. Called per packet: it only notes the time. */
  touch(): void {
    this.#lastSign = performance.now();
    this.#asked = false;
  }

  stop(): void {
    this.#deadline.clear();
  }

  /** One timer for both, moved when it fires and not at every byte. */
  #schedule(silence: Milliseconds): void {
    const { idleTimeout, pingInterval } = this.#options;
    const askAfter = Math.min(pingInterval, idleTimeout / 2);
    const next = this.#asked || silence >= askAfter ? idleTimeout : askAfter;
    this.#deadline.set(Math.max(1, Math.ceil(next - silence)), () => this.#look(askAfter));
  }

  #look(askAfter: Milliseconds): void {
    const { idleTimeout, isReading, onPing, onIdle } = this.#options;
    const silence = isReading() ? performance.now() - this.#lastSign : 0;
    if (silence >= idleTimeout) {
      onIdle(silence);
      return;
    }
    if (silence >= askAfter && !this.#asked) {
      this.#asked = true;
      onPing();
    }
    this.#schedule(silence);
  }
}
