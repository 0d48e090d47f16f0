// Notices that a stream has other tracks than those which are played: a publisher may return with the microphone or the camera that
// he forgot, or at another size. Players read the multivariant playlist once, so somebody has to look at it again.

import { askServer } from './server-clock.js';

/** Milliseconds after a discontinuity at which to look: tracks of a new publish do not appear all at once. */
const AFTER_DISCONTINUITY = [300, 2_000, 5_000, 10_000];
/** Milliseconds after the beginning: a track may be late. */
const SOON = 5_000;
/** Milliseconds between looks without a reason. */
const INTERVAL = 30_000;
/** While nothing can be played here, a change is all that we wait for. */
const EAGER_INTERVAL = 4_000;

export class TrackWatch {
  #source;
  #options;
  #cancel = new AbortController();
  /** @type {string | undefined} */ #played;
  #timers = [];
  #interval;

  /**
   * @param {string} source URL of the multivariant playlist
   * @param {{onChange: () => void, onGone: () => void}} options `onChange`: there are other tracks; `onGone`: no such stream any more
   */
  constructor(source, options) {
    this.#source = source;
    this.#options = options;
  }

  /**
   * From now on that playlist is what is played.
   * @param {string | undefined} multivariant undefined: the one that was found last
   * @param {{eager?: boolean}} [options]
   */
  follow(multivariant, { eager = false } = {}) {
    if (multivariant !== undefined) this.#played = tracksOf(multivariant);
    this.rest();
    this.#timers = [setTimeout(() => this.#look(), SOON)];
    this.#interval = setInterval(() => this.#look(), eager ? EAGER_INTERVAL : INTERVAL);
  }

  /** A new publish has begun in what is played. */
  discontinuity() {
    this.#stopTimers();
    this.#timers = AFTER_DISCONTINUITY.map((after) => setTimeout(() => this.#look(), after));
  }

  /** Looks no more until `follow`. */
  rest() {
    this.#stopTimers();
    clearInterval(this.#interval);
  }

  close() {
    this.rest();
    this.#cancel.abort();
  }

  #stopTimers() {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
  }

  async #look() {
    const before = this.#played;
    let response;
    let text;
    try {
      response = await askServer(this.#source, { cache: 'no-cache', signal: this.#cancel.signal });
      text = await response.text();
    } catch {
      // Nobody answers: that is noticed where media is asked for.
      return;
    }
    // Meanwhile another playback may have begun.
    if (this.#cancel.signal.aborted || this.#played !== before) return;
    if (response.status === 404) this.#options.onGone();
    if (!response.ok) return;
    const tracks = tracksOf(text);
    this.#played ??= tracks;
    if (this.#played === tracks) return;
    this.#played = tracks;
    this.#options.onChange();
  }
}

/**
 * What of a multivariant playlist makes it another one to a player: its tracks with their codecs and sizes, but not the measured
 * bit rates.
 * @param {string} multivariant
 */
export function tracksOf(multivariant) {
  const lines = multivariant
    .split(/\r?\n/)
    .filter((line) => line !== '' && (!line.startsWith('#') || /^#EXT-X-(?:STREAM-INF|MEDIA):/.test(line)));
  return lines.map((line) => line.replace(/(?:AVERAGE-)?BANDWIDTH=\d+,?/g, '')).join('\n');
}
