// Fair scheduling of HTTP work: all connections together may use a fixed time in each pass of the event loop, so that a burst of
// requests delays neither RTMP nor media. The rest of the work waits for its turn in a later pass.

import type { Milliseconds } from '../../../protocols/units.js';

/** Time for HTTP work of all connections together, per pass of the event loop. */
const SHARE: Milliseconds = 10;

/** Below this the end of the pass is not awaited, so that an almost idle server does not wake up for it. */
const WATCHED_FROM: Milliseconds = SHARE / 8;

export type Turn = () => void;

/** One instance serves all HTTP connections of a process. */
export class WorkTurns {
  /** Connections with a single request. They go first, however many wait in `#long`, where those with pipelined requests are. */
  readonly #short = new Set<Turn>();
  readonly #long = new Set<Turn>();
  #used: Milliseconds = 0;
  #passEnds: NodeJS.Immediate | undefined;

  /** Whether the time for this pass is used up. */
  get isUsedUp(): boolean {
    return this.#used >= SHARE;
  }

  /** Whether anybody waits for a turn. */
  get hasWaiting(): boolean {
    return this.#short.size + this.#long.size > 0;
  }

  /** Counts work that took this long. */
  charge(duration: Milliseconds): void {
    this.#used += duration;
    if (this.#used >= WATCHED_FROM) this.#awaitPass();
  }

  /** Runs `turn` once, as soon as there is time. Asking again before that changes nothing. */
  enqueue(turn: Turn, isLong: boolean): void {
    (isLong ? this.#long : this.#short).add(turn);
    this.#awaitPass();
  }

  cancel(turn: Turn): void {
    this.#short.delete(turn);
    this.#long.delete(turn);
  }

  #awaitPass(): void {
    this.#passEnds ??= setImmediate(() => this.#nextPass());
  }

  #nextPass(): void {
    this.#passEnds = undefined;
    this.#used = 0;
    this.#run(this.#short);
    this.#run(this.#long);
    if (this.hasWaiting) this.#awaitPass();
  }

  /** Runs them in the order in which they asked. Those that ask again meanwhile wait for the next pass. */
  #run(waiting: Set<Turn>): void {
    for (const turn of [...waiting]) {
      if (this.isUsedUp) return;
      waiting.delete(turn);
      turn();
    }
  }
}
