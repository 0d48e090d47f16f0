// Reads and decodes the stream with hls.js or the browser itself, behind one interface, so that the player need not know which.

import { comeBack } from './come-back.js';
import { playToTheEnd } from './ending.js';
import { fetchFirstMedia, lineSpeed } from './first-media.js';
import { HLS_CONFIG } from './hls-config.js';
import { followThePlaylist } from './jump-to-live.js';
import { levelsOf } from './levels.js';
import { LiveDistance } from './live-distance.js';
import { liveWindow, seekTarget } from './live-window.js';
import { playlistLoader } from './playlist-loader.js';
import { serverNow } from './server-clock.js';
import { SharedLine } from './shared-line.js';
import { TimedEvents } from './timed-events.js';
import { Hls } from './vendor/hls.mjs';
import { ViewerTicket } from './viewer-ticket.js';

/** A second media error within this many milliseconds means that recovery in place does not help. */
const RECOVERY_WINDOW = 5_000;

export class PlaybackEngine {
  #video;
  #source;
  #options;
  #hls = null;
  #native = false;
  /** @type {LiveDistance | undefined} For native playback. */ #distance;
  #ticket = new ViewerTicket();
  #events;
  #line = new SharedLine(() => this.#poll());
  /** Whether hls.js may keep requests waiting; decided when it starts to play, and when it goes to live. */ #mayWait = true;
  /** Kept over a restart: an error that returns right after one is the same error. */
  #lastMediaError = Number.NEGATIVE_INFINITY;
  #listeners = new AbortController();

  /**
   * @param {HTMLVideoElement} video
   * @param {string} source URL of the multivariant playlist
   * @param {{onReady: () => void, onLevels: () => void, onLevel: () => void, onLost: () => void, onUnsupported: () => void,
   *   onDiscontinuity: () => void, onTimedEvent: (event: import('./timed-events.js').TimedEvent) => void}} options
   * `onReady`: playback may be requested; `onLevels`: the choices or the choice changed; `onLevel`: another level is shown; `onLost`:
   * reading failed for good; `onUnsupported`: this browser cannot decode the stream; `onDiscontinuity`: the playlist has a new
   * discontinuity
   */
  constructor(video, source, options) {
    this.#video = video;
    this.#source = source;
    this.#options = options;
    this.#events = new TimedEvents(video, options.onTimedEvent);
    video.addEventListener('error', () => this.#native && options.onLost(), { signal: this.#listeners.signal });
  }

  /** @param {string} source URL of the multivariant playlist, with another token. Playback goes on with the ticket of that token. */
  set source(source) {
    this.#source = source;
    if (this.#hls !== null) this.#ticket.renew(source);
  }

  get name() {
    return this.#native ? 'native HLS' : `hls.js ${Hls.version}`;
  }

  /** Whether the browser plays HLS itself. */
  get isNative() {
    return this.#native;
  }

  /** Seconds since the shown picture reached the gateway; undefined while unknown. */
  get latency() {
    const shown = this.#shownDate();
    if (shown !== undefined) return Math.max(0, (serverNow() - shown) / 1000);
    const latency = this.#hls?.latency;
    return latency === undefined || latency === 0 ? undefined : latency;
  }

  /** Seconds; undefined while unknown and for native playback. */
  get targetLatency() {
    return this.#hls?.targetLatency ?? undefined;
  }

  /** Seconds behind the live edge, beyond the distance that the stream tells players to keep. */
  get secondsBehind() {
    if (this.#distance !== undefined) return this.#distance.seconds;
    const target = this.#hls?.targetLatency;
    return target == null ? 0 : Math.max(0, this.#hls.latency - target);
  }

  /** Whether playback is at media that has left the playlist: hls.js plays it from what it has buffered during a pause. */
  get isLeftBehind() {
    const details = this.#hls?.latestLevelDetails;
    return details?.live === true && this.#video.currentTime < details.fragmentStart;
  }

  /** How far back the viewer can go: `{ length, behind }` in seconds; undefined if that is too little for a control. */
  get window() {
    return liveWindow(this.#hls, this.#video);
  }

  /** The levels that this browser can decode, best first. Index -1 means "Auto" and is not listed. */
  get levels() {
    return levelsOf(this.#hls);
  }

  /** The level on the screen (not the requested one); undefined before the first picture. */
  get level() {
    const index = this.#hls?.currentLevel ?? -1;
    return this.levels.find((level) => level.index === index);
  }

  get automaticLevel() {
    return this.#hls?.autoLevelEnabled ?? true;
  }

  /** The chosen index in `levels`, -1 for automatic. */
  get chosenLevel() {
    return this.automaticLevel ? -1 : (this.#hls?.nextLevel ?? -1);
  }

  /** Download rate in bit/s; undefined for native playback. */
  get bandwidthEstimate() {
    return this.#hls?.bandwidthEstimate;
  }

  /** @param {number} index index in `levels`, or -1 for automatic */
  chooseLevel(index) {
    if (this.#hls === null) return;
    this.#hls.nextLevel = index;
    this.#options.onLevels();
  }

  /** The viewer goes to live: moves as close to live as the connections allow now. */
  approachLive() {
    const hls = this.#hls;
    // The end of a stream has disabled low latency for good, see ending.js.
    if (hls === null || hls.latestLevelDetails?.live === false) return;
    this.#mayWait = this.#line.mayWait;
    hls.lowLatencyMode = this.#mayWait;
  }

  /** The position in the video that is this many seconds behind live; undefined while unknown. */
  seekTarget(behind) {
    return seekTarget(this.#hls, this.#video, behind);
  }

  /** Resolves when playback may start: before that the number of other players is unknown. */
  get ready() {
    return this.#line.counted;
  }

  /** False before the first start, when nothing is loaded. */
  get isStarted() {
    return this.#native || this.#hls !== null;
  }

  /**
   * Starts with the multivariant playlist and drops what was read before.
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
    this.#events.close();
    this.#line.close();
  }

  #startHls(known) {
    this.#ticket.forget();
    const { onReady, onLevels, onLevel } = this.#options;
    this.#mayWait = this.#line.mayWait;
    const pLoader = playlistLoader(() => this.#mayWait, known);
    const speed = lineSpeed();
    const hls = new Hls({
      ...HLS_CONFIG,
      ...(speed !== undefined && { abrEwmaDefaultEstimate: speed }),
      lowLatencyMode: this.#mayWait,
      pLoader,
      xhrSetup: (request, url) => {
        const ticketed = this.#ticket.in(url);
        if (ticketed !== url) request.open('GET', ticketed, true);
      },
    });
    this.#hls = hls;
    hls.on(Hls.Events.FRAG_PARSING_METADATA, (_event, { samples }) => this.#events.add(samples));
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      onLevels();
      onReady();
    });
    hls.on(Hls.Events.LEVELS_UPDATED, () => onLevels());
    this.#watchDiscontinuities(hls);
    fetchFirstMedia(hls, this.#video);
    playToTheEnd(hls, this.#video);
    comeBack(hls);
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
    this.#events.watchCues();
    this.#distance = new LiveDistance(this.#video);
    this.#video.src = this.#source;
    this.#options.onReady();
  }

  /** A playlist of another rendition has the same discontinuities. */
  #watchDiscontinuities(hls) {
    let last;
    const look = (_event, { details }) => {
      if (last !== undefined && details.endCC > last) this.#options.onDiscontinuity();
      last = Math.max(last ?? 0, details.endCC);
    };
    hls.on(Hls.Events.LEVEL_UPDATED, look);
    hls.on(Hls.Events.AUDIO_TRACK_UPDATED, look);
  }

  /** Other players need the connections. Without blocking reloads this one plays from whole segments, some seconds later. */
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

  /** When the shown picture reached the gateway, in milliseconds since 1970; undefined while unknown. */
  #shownDate() {
    if (this.#hls !== null) return this.#hls.playingDate?.getTime();
    const start = this.#native ? this.#video.getStartDate?.().getTime() : undefined;
    return start === undefined || Number.isNaN(start) ? undefined : start + this.#video.currentTime * 1000;
  }

  #release() {
    this.#events.reset();
    this.#hls?.destroy();
    this.#hls = null;
    this.#distance?.close();
    this.#distance = undefined;
    if (this.#native) this.#video.removeAttribute('src');
    this.#native = false;
  }
}
