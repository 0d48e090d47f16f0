// The states of the player and the moves between them, apart from what is done in them, so that the page can be read like the table.

/**
 * @typedef {'waiting'|'starting'|'playing'|'reconnecting'|'ended'|'unsupported'} PlayerState
 *
 * - `waiting`: nobody publishes; playback begins by itself when somebody does.
 * - `starting`: the stream is there, no picture yet.
 * - `playing`: a picture was shown (the viewer may have paused it).
 * - `reconnecting`: the stream cannot be read any more; the last picture stays.
 * - `ended`: the publisher finished; a new publish starts it again.
 * - `unsupported`: this browser cannot decode the stream.
 */

/** Legal moves. @type {Readonly<Record<PlayerState, readonly PlayerState[]>>} */
export const TRANSITIONS = {
  waiting: ['starting', 'ended'],
  starting: ['playing', 'reconnecting', 'waiting', 'ended', 'unsupported'],
  // To `starting` where the publisher returned with other tracks.
  playing: ['starting', 'reconnecting', 'ended', 'unsupported'],
  reconnecting: ['starting', 'waiting', 'ended'],
  ended: ['starting', 'waiting'],
  unsupported: ['starting', 'waiting', 'ended'],
};

/** Where the player is in that table. */
export class PlayerStateHolder {
  /** @type {PlayerState} */ #state = 'waiting';
  #onMove;

  /** @param {(move: {state: PlayerState, previous: PlayerState}) => void} onMove */
  constructor(onMove) {
    this.#onMove = onMove;
  }

  get current() {
    return this.#state;
  }

  /** @param {PlayerState[]} states */
  isOneOf(...states) {
    return states.includes(this.#state);
  }

  /** @param {PlayerState} next */
  move(next) {
    const previous = this.#state;
    if (next === previous) return;
    if (!TRANSITIONS[previous].includes(next)) throw new TypeError(`player: illegal transition ${previous} -> ${next}`);
    this.#state = next;
    this.#onMove({ state: next, previous });
  }
}
