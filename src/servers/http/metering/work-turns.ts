// Fair scheduling of HTTP work: all connections together may use a fixed time in each pass of the event loop, so that a burst of requests
// delays neither RTMP nor media. Other work waits for its turn in a later pass. There is no quota per client: connections take turns in the
// order in which they asked.

import type { Milliseconds } from '../../../protocols/units.js';

/** Time for HTTP work of all connections together, per pass of the event loop. */
const SHARE: Milliseconds = 10;

/** With less work than this, nothing is scheduled for the end of the pass, so that an almost idle server does not wake up for it. */
const WATCHED_FROM: Milliseconds = SHARE / 8;

export type Turn = () => void;

/** One instance serves all HTTP connections of a process. */
export class WorkTurns {
  /** Connections with a single request. They go first, however many wait in `#backlogged`. */
  readonly #single = new Set<Turn>();
  /** Connections with more in their queue: their requests are pipelined. */
  readonly #backlogged = new Set<Turn>();
  #used: Milliseconds = 0;
  /** The call that is scheduled for the end of this pass. */
  #endOfPass: NodeJS.Immediate | undefined;

  /** Whether the time for this pass is used up. */
  get isUsedUp(): boolean {
    return this.#used >= SHARE;
  }

  /** Whether anybody waits for a turn. */
  get hasWaiting(): boolean {
    return this.#single.size + this.#backlogged.size > 0;
  }

  /** Counts work that took this long. */
  charge(duration: Milliseconds): void {
    this.#used += duration;
    if (this.#used >= WATCHED_FROM) this.#awaitPass();
  }

  /**
   * Runs `turn` once, as soon as there is time. A second call before that changes nothing.
   * @param isBacklogged whether the connection has more in its queue than this turn takes
   */
  enqueue(turn: Turn, isBacklogged: boolean): void {
    (isBacklogged ? this.#backlogged : this.#single).add(turn);
    this.#awaitPass();
  }

  cancel(turn: Turn): void {
    this.#single.delete(turn);
    this.#backlogged.delete(turn);
  }

  #awaitPass(): void {
    this.#endOfPass ??= setImmediate(() => this.#nextPass());
  }

  #nextPass(): void {
    this.#endOfPass = undefined;
    this.#used = 0;
    try {
      this.#run(this.#single);
      this.#run(this.#backlogged);
    } finally {
      if (this.hasWaiting) this.#awaitPass();
    }
  }

  /** Runs turns in the order in which they were requested. Those that are requested meanwhile wait for the next pass. */
  #run(waiting: Set<Turn>): void {
    for (const turn of [...waiting]) {
      if (this.isUsedUp) return;
      waiting.delete(turn);
      turn();
    }
  }
}
