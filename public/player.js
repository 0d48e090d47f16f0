// Keeps one <video> on one live stream: waits for it, starts, follows the live edge, survives failures and comes back by itself.

import { playToTheEnd } from './ending.js';
import { HLS_CONFIG } from './hls-config.js';
import { HoleJump } from './hole-jump.js';
import { levelsOf } from './levels.js';
import { liveWindow, seekTarget } from './live-window.js';
import { TRANSITIONS } from './player-states.js';
import { LiveProbe } from './probe.js';
import { StandstillWatch } from './standstill.js';
import { Hls } from './vendor/hls.mjs';

/** Milliseconds of reconnecting after which the page says "offline" rather than "reconnecting". */
const PATIENCE = 15_000;
/** A second media error within this many milliseconds means that recovering in place does not help. */
const RECOVERY_WINDOW = 5_000;
/** Milliseconds between two `position` events while nothing else changes. */
const POSITION_INTERVAL = 500;
/** Seconds behind the target from which "Go live" is offered; hls.js catches up smaller distances by playing faster. */
const BEHIND_LIVE = 3;

/**
 * Events: `state` (detail: {state, previous}), `levels` (the quality menu changed), `level` (another one is shown),
 * `blocked` (the browser refused to play with sound, so it plays muted), `broadcast` (`resuming` changed), `position` (where
 * the viewer is, or how far that is from live, may have changed: all that shows it is brought up to date in one go).
 */
export class LivePlayer extends EventTarget {
  /** @type {import('./player-states.js').PlayerState} */ #state = 'waiting';
  #video;
  #source;
  #probe;
  #standstill;
  #holes;
  #hls = null;
  #native = false;
  #destroyed = false;
  #wantsPlay;
  /** The viewer chose to watch behind live. */
  #shifted = false;
  #lastMediaError = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #listeners = new AbortController();
  #ticking = setInterval(() => this.#emit('position'), POSITION_INTERVAL);

  /**
   * @param {HTMLVideoElement} video
   * @param {{source: string, api: string, autoplay?: boolean}} options `source`: URL of the multivariant playlist;
   *   `api`: URL of the stream's state
   */
  constructor(video, { source, api, autoplay = true }) {
    super();
    this.#video = video;
    this.#source = source;
    this.#wantsPlay = autoplay;
    this.#probe = new LiveProbe(source);
    this.#standstill = new StandstillWatch(video, {
      api,
      isWanted: () => this.#wantsPicture(),
      onMoved: () => {
        if (this.#state === 'playing') this.#failures = 0;
      },
      onLost: () => this.#lost(),
      onBroadcast: () => this.#emit('broadcast'),
    });
    this.#holes = new HoleJump(video, () => this.#wantsPicture());
    const { signal } = this.#listeners;
    video.addEventListener('playing', () => this.#onPicture(), { signal });
    video.addEventListener('ended', () => this.#onEnded(), { signal });
    video.addEventListener('error', () => this.#native && this.#lost(), { signal });
    for (const type of ['seeking', 'seeked']) video.addEventListener(type, () => this.#emit('position'), { signal });
    document.addEventListener('visibilitychange', () => this.#onVisible(), { signal });
    video.dataset.state = this.#state;
    this.#await();
  }

  /** @returns {import('./player-states.js').PlayerState} */
  get state() {
    return this.#state;
  }

  /** Seconds between the moment the shown picture reached the gateway and now; undefined while unknown. */
  get latency() {
    const shown = this.#shownDate();
    if (shown !== undefined) return Math.max(0, (this.#probe.serverNow() - shown) / 1000);
    const latency = this.#hls?.latency;
    return latency === undefined || latency === 0 ? undefined : latency;
  }

  /** Seconds behind the live edge beyond what the stream asks players to keep. */
  get secondsBehind() {
    const target = this.#hls?.targetLatency;
    return target == null ? 0 : Math.max(0, this.#hls.latency - target);
  }

  get behindLive() {
    return this.#state === 'playing' && this.secondsBehind > BEHIND_LIVE;
  }

  /** True while the publisher is away, its stream waits for it, and what there was has been played. */
  get resuming() {
    return this.#state === 'playing' && this.#standstill.resuming;
  }

  /** How far back the viewer can go: `{ length, behind }` in seconds; undefined where that is not worth a control. */
  get window() {
    return this.#state === 'playing' ? liveWindow(this.#hls, this.#video) : undefined;
  }

  /** Choices of the quality menu, best first: what this browser can decode. Index -1 is "Auto" and not listed. */
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

  get targetLatency() {
    return this.#hls?.targetLatency ?? undefined;
  }

  get engine() {
    return this.#native ? 'native HLS' : `hls.js ${Hls.version}`;
  }

  /** @param {number} index of `levels`, or -1 for automatic */
  chooseLevel(index) {
    if (this.#hls === null) return;
    this.#hls.nextLevel = index;
    this.#emit('levels');
  }

  /** Plays; muted if the browser allows nothing else. */
  async play() {
    this.#wantsPlay = true;
    try {
      await this.#video.play();
    } catch (error) {
      if (error.name !== 'NotAllowedError' || this.#video.muted) return;
      this.#video.muted = true;
      this.#emit('blocked');
      await this.#video.play().catch((reason) => this.#refused(reason));
    }
  }

  pause() {
    this.#wantsPlay = false;
    this.#video.pause();
  }

  /** @param {number} seconds before the live edge, as in `window` */
  seekBehind(seconds) {
    const target = seekTarget(this.#hls, this.#video, seconds);
    if (target === undefined) return;
    if (seconds <= 0) {
      this.goLive();
      return;
    }
    this.#shifted = true;
    this.#holes.disarm();
    this.#video.currentTime = target;
  }

  goLive() {
    this.#shifted = false;
    const position = seekTarget(this.#hls, this.#video, 0);
    this.#holes.disarm();
    if (position !== undefined) this.#video.currentTime = position;
    return this.play();
  }

  destroy() {
    this.#destroyed = true;
    this.#listeners.abort();
    clearInterval(this.#ticking);
    this.#standstill.close();
    this.#holes.close();
    this.#probe.cancel();
    this.#release();
  }

  /** Waits until the stream can be read, then starts. */
  async #await() {
    const patience = setTimeout(() => this.#state === 'reconnecting' && this.#move('waiting'), PATIENCE);
    await this.#probe.untilLive({
      failures: this.#failures,
      // Reconnecting is said until patience ends: most interruptions are shorter.
      onOffline: (why) => {
        if (why === 'ended') this.#move('ended');
        else if (this.#state === 'ended') this.#move('waiting');
      },
    });
    clearTimeout(patience);
    if (!this.#destroyed) this.#start();
  }

  #start() {
    this.#move('starting');
    this.#release();
    this.#shifted = false;
    this.#standstill.reset();
    this.#holes.disarm();
    if (Hls.isSupported()) this.#startHls();
    else if (this.#video.canPlayType('application/vnd.apple.mpegurl') !== '') this.#startNative();
    else this.#move('unsupported');
  }

  #startHls() {
    const hls = new Hls(HLS_CONFIG);
    this.#hls = hls;
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      this.#emit('levels');
      if (this.#wantsPlay) this.play();
    });
    hls.on(Hls.Events.LEVELS_UPDATED, () => this.#emit('levels'));
    playToTheEnd(hls, this.#video);
    hls.on(Hls.Events.LEVEL_SWITCHED, () => this.#emit('level'));
    hls.on(Hls.Events.ERROR, (_event, data) => {
      if (data.fatal && hls === this.#hls) this.#onFatal(data);
    });
    hls.loadSource(this.#source);
    hls.attachMedia(this.#video);
  }

  #startNative() {
    this.#native = true;
    this.#video.src = this.#source;
    if (this.#wantsPlay) this.play();
  }

  #onFatal(data) {
    if (/Incompatible|NotSupported/i.test(data.details)) {
      this.#hls.stopLoad();
      this.#move('unsupported');
      return;
    }
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && performance.now() - this.#lastMediaError > RECOVERY_WINDOW) {
      this.#lastMediaError = performance.now();
      this.#hls.recoverMediaError();
      return;
    }
    this.#lost();
  }

  /** Reading failed for good: the picture stays where it is until the stream can be read again. */
  #lost() {
    if (this.#state !== 'starting' && this.#state !== 'playing') return;
    this.#failures += 1;
    this.#hls?.stopLoad();
    this.#move('reconnecting');
    this.#await();
  }

  #onEnded() {
    if (this.#state !== 'starting' && this.#state !== 'playing') return;
    this.#move('ended');
    this.#await();
  }

  #onPicture() {
    if (this.#state === 'starting') this.#move('playing');
  }

  /** A picture should come now. */
  #wantsPicture() {
    const starting = this.#state === 'starting';
    const active = starting || (this.#state === 'playing' && !this.#video.paused);
    return active && this.#wantsPlay && !document.hidden;
  }

  /** Browsers pause or slow hidden tabs; a viewer who comes back wants to see now, not then. */
  #onVisible() {
    if (document.hidden || this.#state !== 'playing' || !this.#wantsPlay) return;
    if (this.behindLive && !this.#shifted) this.goLive();
    else if (this.#video.paused) this.play();
  }

  /** Not even muted: the viewer has to press play. */
  #refused(reason) {
    if (reason.name === 'NotAllowedError') this.#wantsPlay = false;
  }

  #shownDate() {
    if (this.#hls !== null) return this.#hls.playingDate?.getTime();
    const start = this.#native ? this.#video.getStartDate?.().getTime() : undefined;
    return start === undefined || Number.isNaN(start) ? undefined : start + this.#video.currentTime * 1000;
  }

  #release() {
    this.#hls?.destroy();
    this.#hls = null;
    if (this.#native) this.#video.removeAttribute('src');
    this.#native = false;
  }

  /** @param {import('./player-states.js').PlayerState} next */
  #move(next) {
    const previous = this.#state;
    if (next === previous || this.#destroyed) return;
    if (!TRANSITIONS[previous].includes(next)) throw new TypeError(`player: illegal transition ${previous} -> ${next}`);
    this.#state = next;
    this.#video.dataset.state = next;
    this.#emit('state', { state: next, previous });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
