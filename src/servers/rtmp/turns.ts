// Shares the event loop among connections: a turn is short, but many peers that flood at once would have one each in every pass of the loop.

import type { Milliseconds } from '../../protocols/units.js';

/** Of one pass of the event loop, for all connections together. */
const SHARE: Milliseconds = 20;
/** From here on the end of the pass is waited for: quiet servers need not wake up for it. */
const WATCHED_FROM: Milliseconds = SHARE / 8;

/** One for all connections of a process. Those that find nothing left take their turns in the order in which they asked. */
export class Turns {
  readonly #waiting = new Set<() => void>();
  #used: Milliseconds = 0;
  #passEnds: NodeJS.Immediate | undefined;

  /** Everything that a pass of the event loop may take was taken. */
  get areUsedUp(): boolean {
    return this.#used >= SHARE;
  }

  /** A turn took so long. */
  note(duration: Milliseconds): void {
    this.#used += duration;
    if (this.#used >= WATCHED_FROM) this.#awaitPass();
  }

  /** In another pass of the event loop. Asked again before that, it is one turn all the same. */
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
    // Who asks again meanwhile waits for the pass after this one.
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
