// Shares the event loop among connections: a turn is short, but many flooding peers could each have one in every pass of the loop.

import type { Milliseconds } from '../../protocols/units.js';

/** Time in one pass of the event loop for all connections together. */
const SHARE: Milliseconds = 20;
/** From this much used time on, the end of the pass is watched for, so that quiet servers do not wake up for it. */
const WATCHED_FROM: Milliseconds = SHARE / 8;

/**
 * Fair scheduling for all connections of a process. Connections that find no time left get their turns in the order in which they asked.
 */
export class Turns {
  readonly #waiting = new Set<() => void>();
  #used: Milliseconds = 0;
  #passEnds: NodeJS.Immediate | undefined;

  /** Whether the time of this pass of the event loop is used up. */
  get areUsedUp(): boolean {
    return this.#used >= SHARE;
  }

  /** Notes that a turn took this long. */
  note(duration: Milliseconds): void {
    this.#used += duration;
    if (this.#used >= WATCHED_FROM) this.#awaitPass();
  }

  /** Runs `turn` in a later pass of the event loop. Asking several times before that counts once. */
  later(turn: () => void): void {
    this.#waiting.add(turn);
    this.#awaitPass();
  }

  #awaitPass(): void {
    this.#passEnds ??= setImmediate(() => this.#nextPass());
  }

  #nextPass(): void {
    this.#passEnds = undefined;
    this.#used = 0;
    // Connections that ask during this loop wait for the next pass.
    try {
      for (const turn of [...this.#waiting]) {
        if (this.areUsedUp) break;
        this.#waiting.delete(turn);
        turn();
      }
    } finally {
      if (this.#waiting.size > 0) this.#awaitPass();
    }
  }
}
