// How far behind live a browser plays that reads HLS by itself (iPhones): nothing tells, so it is measured against how close it was.

/** Milliseconds. */
const INTERVAL = 1_000;

export class LiveDistance {
  #video;
  #timer;
  #closest = Number.POSITIVE_INFINITY;

  /** @param {HTMLVideoElement} video that has just begun to load */
  constructor(video) {
    this.#video = video;
    this.#timer = setInterval(() => this.#look(), INTERVAL);
  }

  /** Seconds further behind than it was at its closest; 0 while nothing is known. */
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

  /** Some browsers say where live is; elsewhere the clock on the wall goes on as live does. */
  #distance() {
    const { seekable, currentTime } = this.#video;
    const edge = seekable.length > 0 ? seekable.end(seekable.length - 1) : performance.now() / 1000;
    return edge - currentTime;
  }
}
