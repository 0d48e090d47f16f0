// What reads and decodes the stream, hls.js or the browser itself, kept behind one face so that the player need not know which.

import { playToTheEnd } from './ending.js';
import { fetchFirstMedia, lineSpeed } from './first-media.js';
import { HLS_CONFIG } from './hls-config.js';
import { followThePlaylist } from './left-behind.js';
import { levelsOf } from './levels.js';
import { LiveDistance } from './live-distance.js';
import { liveWindow, seekTarget } from './live-window.js';
import { playlistLoader } from './playlist-loader.js';
import { serverNow } from './server-clock.js';
import { SharedLine } from './shared-line.js';
import { Hls } from './vendor/hls.mjs';

/** A second media error within this many milliseconds means that recovering in place does not help. */
const RECOVERY_WINDOW = 5_000;

export class PlaybackEngine {
  #video;
  #source;
  #options;
  #hls = null;
  #native = false;
  /** @type {LiveDistance | undefined} Of native playback. */ #distance;
  #line = new SharedLine(() => this.#poll());
  /** hls.js may keep requests waiting: decided when it begins to play, and when it goes to live. */ #mayWait = true;
  /** Outlives a start: an error that comes back right after one is the same error. */
  #lastMediaError = Number.NEGATIVE_INFINITY;
  #listeners = new AbortController();

  /**
   * @param {HTMLVideoElement} video
   * @param {string} source URL of the multivariant playlist
   * @param {{onReady: () => void, onLevels: () => void, onLevel: () => void, onLost: () => void, onUnsupported: () => void,
   *   onDiscontinuity: () => void}} options
   *   `onReady`: playing may be asked for; `onLevels`: the choices or the choice changed; `onLevel`: another one is shown;
   *   `onLost`: reading failed for good; `onUnsupported`: this browser cannot decode the stream; `onDiscontinuity`: the
   *   playlist has one that was not there before
   */
  constructor(video, source, options) {
    this.#video = video;
    this.#source = source;
    this.#options = options;
    video.addEventListener('error', () => this.#native && options.onLost(), { signal: this.#listeners.signal });
  }

  get name() {
    return this.#native ? 'native HLS' : `hls.js ${Hls.version}`;
  }

  /** The browser reads HLS by itself. */
  get isNative() {
    return this.#native;
  }

  /** Seconds between the moment the shown picture reached the gateway and now; undefined while unknown. */
  get latency() {
    const shown = this.#shownDate();
    if (shown !== undefined) return Math.max(0, (serverNow() - shown) / 1000);
    const latency = this.#hls?.latency;
    return latency === undefined || latency === 0 ? undefined : latency;
  }

  /** Seconds; undefined while unknown and with native playback. */
  get targetLatency() {
    return this.#hls?.targetLatency ?? undefined;
  }

  /** Seconds behind the live edge beyond what the stream asks players to keep. */
  get secondsBehind() {
    if (this.#distance !== undefined) return this.#distance.seconds;
    const target = this.#hls?.targetLatency;
    return target == null ? 0 : Math.max(0, this.#hls.latency - target);
  }

  /** How far back the viewer can go: `{ length, behind }` in seconds; undefined where that is not worth a control. */
  get window() {
    return liveWindow(this.#hls, this.#video);
  }

  /** Best first: what this browser can decode. Index -1 is "Auto" and not listed. */
  get levels() {
    return levelsOf(this.#hls);
  }

  /** What is on the screen (not what was asked for), undefined before the first picture. */
  get level() {
    const index = this.#hls?.currentLevel ?? -1;
    return this.levels.find((level) => level.index === index);
  }

  get automaticLevel() {
    return this.#hls?.autoLevelEnabled ?? true;
  }

  /** The choice: an index of `levels`, -1 for automatic. */
  get chosenLevel() {
    return this.automaticLevel ? -1 : (this.#hls?.nextLevel ?? -1);
  }

  /** bit/s measured by the downloads; undefined with native playback. */
  get bandwidthEstimate() {
    return this.#hls?.bandwidthEstimate;
  }

  /** @param {number} index of `levels`, or -1 for automatic */
  chooseLevel(index) {
    if (this.#hls === null) return;
    this.#hls.nextLevel = index;
    this.#options.onLevels();
  }

  /** The viewer goes to live: as close to it as the connections allow now. */
  approachLive() {
    const hls = this.#hls;
    // The end of a stream has turned low latency off for good: ending.js.
    if (hls === null || hls.latestLevelDetails?.live === false) return;
    this.#mayWait = this.#line.mayWait;
    hls.lowLatencyMode = this.#mayWait;
  }

  /** Where to go in the video for so many seconds behind live; undefined while nothing is known. */
  seekTarget(behind) {
    return seekTarget(this.#hls, this.#video, behind);
  }

  /** Resolves when it may be started: before that it is not known how many others play. */
  get ready() {
    return this.#line.counted;
  }

  /** False before the first start: nothing is loaded then. */
  get isStarted() {
    return this.#native || this.#hls !== null;
  }

  /**
   * Begins with the multivariant playlist; what was read before is let go.
   * @param {ReadonlyMap<string, string>} [known] playlists that were read just now, by URL
   */
  start(known = new Map()) {
    this.#release();
    if (Hls.isSupported()) this.#startHls(known);
    else if (this.#video.canPlayType('application/vnd.apple.mpegurl') !== '') this.#startNative();
    else this.#options.onUnsupported();
  }

  /** Loads nothing more; the picture stays. */
  stop() {
    this.#hls?.stopLoad();
  }

  close() {
    this.#listeners.abort();
    this.#release();
    this.#line.close();
  }

  #startHls(known) {
    const { onReady, onLevels, onLevel } = this.#options;
    this.#mayWait = this.#line.mayWait;
    const pLoader = playlistLoader(() => this.#mayWait, known);
    const speed = lineSpeed();
    const hls = new Hls({
      ...HLS_CONFIG,
      ...(speed !== undefined && { abrEwmaDefaultEstimate: speed }),
      lowLatencyMode: this.#mayWait,
      pLoader,
    });
    this.#hls = hls;
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      onLevels();
      onReady();
    });
    hls.on(Hls.Events.LEVELS_UPDATED, () => onLevels());
    this.#watchDiscontinuities(hls);
    fetchFirstMedia(hls, this.#video);
    playToTheEnd(hls, this.#video);
    followThePlaylist(hls, this.#video);
    hls.on(Hls.Events.LEVEL_SWITCHED, () => onLevel());
    hls.on(Hls.Events.ERROR, (_event, data) => {
      if (data.fatal && hls === this.#hls) this.#onFatal(data);
    });
    hls.loadSource(this.#source);
    hls.attachMedia(this.#video);
  }

  #startNative() {
    this.#native = true;
    this.#distance = new LiveDistance(this.#video);
    this.#video.src = this.#source;
    this.#options.onReady();
  }

  /** A playlist of another rendition counts the same ones. */
  #watchDiscontinuities(hls) {
    let last;
    const look = (_event, { details }) => {
      if (last !== undefined && details.endCC > last) this.#options.onDiscontinuity();
      last = Math.max(last ?? 0, details.endCC);
    };
    hls.on(Hls.Events.LEVEL_UPDATED, look);
    hls.on(Hls.Events.AUDIO_TRACK_UPDATED, look);
  }

  /** Others need the connections. From whole segments it plays some seconds later. */
  #poll() {
    this.#mayWait = false;
    if (this.#hls !== null) this.#hls.lowLatencyMode = false;
  }

  #onFatal(data) {
    if (/Incompatible|NotSupported/i.test(data.details)) {
      this.stop();
      this.#options.onUnsupported();
      return;
    }
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && performance.now() - this.#lastMediaError > RECOVERY_WINDOW) {
      this.#lastMediaError = performance.now();
      this.#hls.recoverMediaError();
      return;
    }
    this.#options.onLost();
  }

  /** Milliseconds since the epoch at which the shown picture reached the gateway; undefined while unknown. */
  #shownDate() {
    if (this.#hls !== null) return this.#hls.playingDate?.getTime();
    const start = this.#native ? this.#video.getStartDate?.().getTime() : undefined;
    return start === undefined || Number.isNaN(start) ? undefined : start + this.#video.currentTime * 1000;
  }

  #release() {
    this.#hls?.destroy();
    this.#hls = null;
    this.#distance?.close();
    this.#distance = undefined;
    if (this.#native) this.#video.removeAttribute('src');
    this.#native = false;
  }
}
