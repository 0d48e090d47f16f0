// Detects a silent peer: first it is sent a ping, later it is dropped.

import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { Milliseconds } from '../../protocols/units.js';
import { Deadline } from './deadline.js';

export interface SilenceWatchOptions {
  readonly domain: FailureDomain;
  /** Silence after which the peer is dropped. */
  readonly idleTimeout: Milliseconds;
  /** Silence after which a ping is sent; at most half of `idleTimeout` is used, because otherwise the answer would come too late. */
  readonly pingInterval: Milliseconds;
  /** For how long the peer has sent nothing. Looked up only when a limit may be reached, so that a packet costs nothing here. */
  readonly silence: () => Milliseconds;
  readonly onPing: () => void;
  readonly onIdle: (silence: Milliseconds) => void;
}

export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  readonly #deadline: Deadline;
  /** When the peer was sent a ping that it has not reacted to, as far as we know. */
  #asked: Milliseconds | undefined;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
    this.#deadline = new Deadline(options.domain);
    this.#schedule(Math.min(options.pingInterval, options.idleTimeout / 2));
  }

  stop(): void {
    this.#deadline.clear();
  }

  /** One timer for both limits; it is rescheduled when it fires and not at every byte. */
  #schedule(after: Milliseconds): void {
    this.#deadline.set(Math.max(1, Math.ceil(after)), () => this.#look());
  }

  #look(): void {
    const { idleTimeout, pingInterval, onPing, onIdle } = this.#options;
    const askAfter = Math.min(pingInterval, idleTimeout / 2);
    const silence = this.#options.silence();
    if (this.#asked !== undefined && silence <= performance.now() - this.#asked) this.#asked = undefined;
    if (silence < askAfter) {
      this.#schedule(askAfter - silence);
    } else if (this.#asked === undefined) {
      // Ask first, however long the silence: after a stall of our own process the peer has had no chance to answer yet.
      this.#asked = performance.now();
      onPing();
      this.#schedule(askAfter);
    } else if (silence < idleTimeout) {
      this.#schedule(Math.min(idleTimeout - silence, askAfter));
    } else {
      onIdle(silence);
    }
  }
}
