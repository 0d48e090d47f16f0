// Shares each pass of the event loop among all HTTP connections, so that a burst on many of them delays nobody else: RTMP, media and
// small requests go on between two turns.

import type { Milliseconds } from '../../../protocols/units.js';

/** HTTP work of all connections together in one pass of the event loop. */
const SHARE: Milliseconds = 10;

/** From here on the end of the pass is waited for: a quiet server need not wake up for it. */
const WATCHED_FROM: Milliseconds = SHARE / 8;

export type Turn = () => void;

/** One for all HTTP connections of a process. */
export class WorkTurns {
  /** Who sends one request goes before who has sent many at once, however many of the latter there are. */
  readonly #short = new Set<Turn>();
  readonly #long = new Set<Turn>();
  #used: Milliseconds = 0;
  #passEnds: NodeJS.Immediate | undefined;

  /** All that HTTP may take of this pass was taken. */
  get areUsedUp(): boolean {
    return this.#used >= SHARE;
  }

  /** Somebody waits for a turn. */
  get areWanted(): boolean {
    return this.#short.size + this.#long.size > 0;
  }

  /** Work took so long. */
  note(duration: Milliseconds): void {
    this.#used += duration;
    if (this.#used >= WATCHED_FROM) this.#awaitPass();
  }

  /** Runs `turn` once, when there is room for it. Asked again before that, it is one turn all the same. */
  later(turn: Turn, isLong: boolean): void {
    (isLong ? this.#long : this.#short).add(turn);
    this.#awaitPass();
  }

  forget(turn: Turn): void {
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
    if (this.areWanted) this.#awaitPass();
  }

  /** In the order in which they asked; who asks again meanwhile waits for the pass after this one. */
  #run(waiting: Set<Turn>): void {
    for (const turn of [...waiting]) {
      if (this.areUsedUp) return;
      waiting.delete(turn);
      turn();
    }
  }
}
