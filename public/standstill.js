// Distinguishes a picture that is frozen because the broadcaster is away from one that is frozen because the stream is lost.

import { BroadcastWatch } from './broadcast.js';

/** Milliseconds without a new picture, while one is wanted, after which the stream is considered lost. */
const STALL_LIMIT = 10_000;
/** Milliseconds after which the gateway is asked whether the publisher is away. */
const ASK_AFTER = 1_200;
/** Milliseconds between two checks of the playback position. */
const INTERVAL = 1_000;

export class StandstillWatch {
  #video;
  #options;
  #broadcast;
  #timer;
  #listeners = new AbortController();
  #lastProgress = performance.now();
  #lastTime = -1;

  /**
   * @param {HTMLVideoElement} video
   * @param {{api: string, isWanted: () => boolean, onMoved: () => void, onLost: () => void, onBroadcast: () => void}} options
   * `isWanted`: a picture should come now; `onBroadcast`: `resuming` has changed
   */
  constructor(video, options) {
    this.#video = video;
    this.#options = options;
    this.#broadcast = new BroadcastWatch(options.api, options.onBroadcast);
    video.addEventListener('timeupdate', () => this.#onTimeUpdate(), { signal: this.#listeners.signal });
    this.#timer = setInterval(() => this.#check(), INTERVAL);
  }

  /** The publisher is away and expected back. */
  get resuming() {
    return this.#broadcast.resuming;
  }

  /** The same while the gateway shows a slate instead. */
  get away() {
    return this.#broadcast.away;
  }

  /** Something about the broadcast may have changed: asks the gateway. */
  look() {
    this.#broadcast.look();
  }

  /** The stream is (re)started: its time limit starts again. */
  reset() {
    this.#lastProgress = performance.now();
    this.#lastTime = -1;
  }

  close() {
    clearInterval(this.#timer);
    this.#listeners.abort();
    this.#broadcast.cancel();
  }

  #onTimeUpdate() {
    if (this.#video.currentTime === this.#lastTime) return;
    this.#lastTime = this.#video.currentTime;
    this.#lastProgress = performance.now();
    this.#broadcast.moved();
    this.#options.onMoved();
  }

  /** A publisher that is expected back is not a failure: playback continues where it is, however long that takes. */
  async #check() {
    const standing = performance.now() - this.#lastProgress;
    if (!this.#options.isWanted()) this.#lastProgress = performance.now();
    else if (standing > STALL_LIMIT) this.#options.onLost();
    else if (standing > ASK_AFTER && (await this.#broadcast.look())) this.#lastProgress = performance.now();
  }
}
