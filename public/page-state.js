// What tests, embedders and curious people may read about the playback of a page: `window.sluicePlayer`, read-only.

/**
 * @param {import('./player.js').LivePlayer} player
 * @param {HTMLVideoElement} video
 */
export function exposeState(player, video) {
  const state = {
    get state() {
      return player.state;
    },
    /** The publisher is away and expected back. */
    get resuming() {
      return player.resuming;
    },
    /** How far back one can go and how far back one is: `{ length, behind }`, seconds. */
    get window() {
      return player.window;
    },
    /** Seconds, undefined while unknown. */
    get latency() {
      return player.latency;
    },
    get targetLatency() {
      return player.targetLatency;
    },
    get behindLive() {
      return player.behindLive;
    },
    /** The name of the rendition on the screen. */
    get level() {
      return player.level?.name;
    },
    get levels() {
      return player.levels.map((level) => level.name);
    },
    get automaticLevel() {
      return player.automaticLevel;
    },
    get muted() {
      return video.muted;
    },
    get paused() {
      return video.paused;
    },
  };
  Object.defineProperty(window, 'sluicePlayer', { value: Object.freeze(state) });
  return state;
}
