// Keeps one <video> on one live stream: waits for it, starts, follows the live edge, survives failures and comes back by itself.

import { PlaybackEngine } from './engine.js';
import { HoleJump } from './hole-jump.js';
import { TRANSITIONS } from './player-states.js';
import { LiveProbe } from './probe.js';
import { StandstillWatch } from './standstill.js';

/** Milliseconds of reconnecting after which the page says "offline" rather than "reconnecting". */
const PATIENCE = 15_000;
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
  #engine;
  #probe;
  #standstill;
  #holes;
  #destroyed = false;
  #wantsPlay;
  /** The viewer chose to watch behind live. */
  #shifted = false;
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
    this.#wantsPlay = autoplay;
    this.#probe = new LiveProbe(source);
    this.#engine = new PlaybackEngine(video, source, {
      serverNow: () => this.#probe.serverNow(),
      onReady: () => {
        if (this.#wantsPlay) this.play();
      },
      onLevels: () => this.#emit('levels'),
      onLevel: () => this.#emit('level'),
      onLost: () => this.#lost(),
      onUnsupported: () => this.#move('unsupported'),
    });
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
    return this.#engine.latency;
  }

  get behindLive() {
    return this.#state === 'playing' && this.#engine.secondsBehind > BEHIND_LIVE;
  }

  /** True while the publisher is away, its stream waits for it, and what there was has been played. */
  get resuming() {
    return this.#state === 'playing' && this.#standstill.resuming;
  }

  /** How far back the viewer can go: `{ length, behind }` in seconds; undefined where that is not worth a control. */
  get window() {
    return this.#state === 'playing' ? this.#engine.window : undefined;
  }

  /** Choices of the quality menu, best first: what this browser can decode. Index -1 is "Auto" and not listed. */
  get levels() {
    return this.#engine.levels;
  }

  /** What is on the screen (not what was asked for), undefined before the first picture. */
  get level() {
    return this.#engine.level;
  }

  get automaticLevel() {
    return this.#engine.automaticLevel;
  }

  /** The choice: an index of `levels`, -1 for automatic. */
  get chosenLevel() {
    return this.#engine.chosenLevel;
  }

  /** bit/s measured by the downloads; undefined with native playback. */
  get bandwidthEstimate() {
    return this.#engine.bandwidthEstimate;
  }

  get targetLatency() {
    return this.#engine.targetLatency;
  }

  get engine() {
    return this.#engine.name;
  }

  /** @param {number} index of `levels`, or -1 for automatic */
  chooseLevel(index) {
    this.#engine.chooseLevel(index);
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

  toggle() {
    return this.#video.paused ? this.play() : this.pause();
  }

  /** @param {number} seconds before the live edge, as in `window` */
  seekBehind(seconds) {
    const target = this.#engine.seekTarget(seconds);
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
    const position = this.#engine.seekTarget(0);
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
    this.#engine.close();
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
    this.#shifted = false;
    this.#standstill.reset();
    this.#holes.disarm();
    this.#engine.start();
  }

  /** Reading failed for good: the picture stays where it is until the stream can be read again. */
  #lost() {
    if (this.#state !== 'starting' && this.#state !== 'playing') return;
    this.#failures += 1;
    this.#engine.stop();
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
