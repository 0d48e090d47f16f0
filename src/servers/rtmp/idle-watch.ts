// Detects a peer that sends nothing: it first gets a ping, and is dropped later.

import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { Milliseconds } from '../../protocols/units.js';
import { Deadline } from './deadline.js';

export interface IdleWatchOptions {
  readonly domain: FailureDomain;
  /** The peer is dropped when it has sent nothing for this long. */
  readonly idleTimeout: Milliseconds;
  /** A ping is sent after this long, or after half of `idleTimeout` if that is shorter: otherwise the answer would come too late. */
  readonly pingInterval: Milliseconds;
  /** For how long the peer has sent nothing. Called only when a limit may be reached, so that a packet costs nothing here. */
  readonly idleFor: () => Milliseconds;
  readonly onPing: () => void;
  readonly onIdle: (idleFor: Milliseconds) => void;
}

export class IdleWatch {
  readonly #options: IdleWatchOptions;
  readonly #deadline: Deadline;
  /** When the last ping was sent, if nothing has come from the peer since. */
  #asked: Milliseconds | undefined;

  constructor(options: IdleWatchOptions) {
    this.#options = options;
    this.#deadline = new Deadline(options.domain);
    this.#schedule(Math.min(options.pingInterval, options.idleTimeout / 2));
  }

  stop(): void {
    this.#deadline.clear();
  }

  /** One timer serves both limits. It is rescheduled when it fires, not at every byte. */
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
      // A ping always comes first, even after a long silence: if our own process stood still, the peer had no chance to answer.
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
