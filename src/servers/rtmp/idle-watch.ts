// Detects a peer that sends nothing: first it is sent a ping, later it is dropped.

import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { Milliseconds } from '../../protocols/units.js';
import { Deadline } from './deadline.js';

export interface IdleWatchOptions {
  readonly domain: FailureDomain;
  /** The peer is dropped when it has sent nothing for this long. */
  readonly idleTimeout: Milliseconds;
  /** A ping is sent after this long; at most half of `idleTimeout` is used, because otherwise the answer would come too late. */
  readonly pingInterval: Milliseconds;
  /** For how long the peer has sent nothing. Looked up only when a limit may be reached, so that a packet costs nothing here. */
  readonly idleFor: () => Milliseconds;
  readonly onPing: () => void;
  readonly onIdle: (idleFor: Milliseconds) => void;
}

export class IdleWatch {
  readonly #options: IdleWatchOptions;
  readonly #deadline: Deadline;
  /** When the peer was last sent a ping, if nothing has come from it since. */
  #asked: Milliseconds | undefined;

  constructor(options: IdleWatchOptions) {
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
    const idleFor = this.#options.idleFor();
    if (this.#asked !== undefined && idleFor <= performance.now() - this.#asked) this.#asked = undefined;
    if (idleFor < askAfter) {
      this.#schedule(askAfter - idleFor);
    } else if (this.#asked === undefined) {
      // Ask first, however long it has been: after a stall of our own process the peer has had no chance to answer yet.
      this.#asked = performance.now();
      onPing();
      this.#schedule(askAfter);
    } else if (idleFor < idleTimeout) {
      this.#schedule(Math.min(idleTimeout - idleFor, askAfter));
    } else {
      onIdle(idleFor);
    }
  }
}
