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
  playing: ['reconnecting', 'ended', 'unsupported'],
  reconnecting: ['starting', 'waiting', 'ended'],
  ended: ['starting', 'waiting'],
  unsupported: ['starting', 'waiting', 'ended'],
};
