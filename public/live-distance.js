// Estimates how far behind live a browser plays that reads HLS itself (iPhones). Nothing reports it, so it is measured relative to the
// smallest distance so far.

/** Milliseconds. */
const INTERVAL = 1_000;

export class LiveDistance {
  #video;
  #timer;
  #closest = Number.POSITIVE_INFINITY;

  /** @param {HTMLVideoElement} video a video that has just started to load */
  constructor(video) {
    this.#video = video;
    this.#timer = setInterval(() => this.#look(), INTERVAL);
  }

  /** Seconds by which playback is further behind than at its closest; 0 while unknown. */
  get seconds() {
    this.#look();
    return this.#closest === Number.POSITIVE_INFINITY ? 0 : Math.max(0, this.#distance() - this.#closest);
  }

  close() {
    clearInterval(this.#timer);
  }

  #look() {
    if (this.#video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || this.#video.seeking) return;
    this.#closest = Math.min(this.#closest, this.#distance());
  }

  /** Some browsers report the live edge; in others the wall clock advances as live does. */
  #distance() {
    const { seekable, currentTime } = this.#video;
    const edge = seekable.length > 0 ? seekable.end(seekable.length - 1) : performance.now() / 1000;
    return edge - currentTime;
  }
}
