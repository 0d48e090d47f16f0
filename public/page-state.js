// The playback state that tests, embedding pages and curious people may read: `window.sluicePlayer`, read-only.

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
    /** The publisher is away, and a slate is shown meanwhile. */
    get away() {
      return player.away;
    },
    /** Why nothing arrives, a `Trouble` of network-trouble.js; undefined if nothing prevents it. */
    get trouble() {
      return player.trouble;
    },
    /** How far back the viewer can go and currently is: `{ length, behind }`, in seconds. */
    get window() {
      return player.window;
    },
    /** Seconds; undefined while unknown. */
    get latency() {
      return player.latency;
    },
    get targetLatency() {
      return player.playback.targetLatency;
    },
    get behindLive() {
      return player.behindLive;
    },
    /** Name of the rendition on the screen. */
    get level() {
      return player.playback.level?.name;
    },
    get levels() {
      return player.playback.levels.map((level) => level.name);
    },
    get automaticLevel() {
      return player.playback.automaticLevel;
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
