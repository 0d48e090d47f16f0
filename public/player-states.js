// The states of the player and their transitions, separate from the actions, so that they can be read as a table.

/**
 * @typedef {'waiting'|'starting'|'playing'|'reconnecting'|'ended'|'unsupported'} PlayerState
 *
 * - `waiting`: nobody publishes; playback starts by itself when somebody does.
 * - `starting`: the stream exists, but there is no picture yet.
 * - `playing`: a picture was shown (the viewer may have paused it).
 * - `reconnecting`: the stream can no longer be read; the last picture stays.
 * - `ended`: the publisher has finished; a new publish starts playback again.
 * - `unsupported`: this browser cannot decode the stream.
 */

/** Legal transitions. @type {Readonly<Record<PlayerState, readonly PlayerState[]>>} */
export const TRANSITIONS = {
  waiting: ['starting', 'ended'],
  starting: ['playing', 'reconnecting', 'waiting', 'ended', 'unsupported'],
  // To `starting` if the publisher returned with other tracks.
  playing: ['starting', 'reconnecting', 'ended', 'unsupported'],
  reconnecting: ['starting', 'waiting', 'ended'],
  ended: ['starting', 'waiting'],
  unsupported: ['starting', 'waiting', 'ended'],
};

/** The current state. */
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
