// Notices that the tracks of a stream have changed: a publisher may return with the microphone or camera that was missing, or with another
// picture size. Players read the multivariant playlist only once, so it must be read again.

import { askServer } from './server-clock.js';

/** Milliseconds after a discontinuity at which to check: the tracks of a new publish do not all appear at once. */
const AFTER_DISCONTINUITY = [300, 2_000, 5_000, 10_000];
/** Milliseconds after the start: a track may be late. */
const SOON = 5_000;
/** Milliseconds between regular checks. */
const INTERVAL = 30_000;
/** While nothing can be played, a change is all that is waited for. */
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
   * @param {{onChange: () => void, onGone: () => void}} options `onChange`: the tracks have changed; `onGone`: the stream no longer exists
   */
  constructor(source, options) {
    this.#source = source;
    this.#options = options;
  }

  /** @param {string} source URL of the multivariant playlist, with another token */
  set source(source) {
    this.#source = source;
  }

  /**
   * From now on this playlist is the one being played.
   * @param {string | undefined} multivariant undefined: the one that was found last
   * @param {{eager?: boolean}} [options]
   */
  follow(multivariant, { eager = false } = {}) {
    if (multivariant !== undefined) this.#played = tracksOf(multivariant);
    this.rest();
    this.#timers = [setTimeout(() => this.#look(), SOON)];
    this.#interval = setInterval(() => this.#look(), eager ? EAGER_INTERVAL : INTERVAL);
  }

  /** A new publish has started in the stream being played. */
  discontinuity() {
    this.#stopTimers();
    this.#timers = AFTER_DISCONTINUITY.map((after) => setTimeout(() => this.#look(), after));
  }

  /** Stops checking until `follow` is called. */
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
      // No answer: the requests for media detect this.
      return;
    }
    // Another playback may have started meanwhile.
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

/** `../../~TICKET/APP/NAME/` */
const TICKETED = /(?:\.\.\/)+~[^/]+\/[^/]+\/[^/]+\//g;

/**
 * The parts of a multivariant playlist that matter to a player: its tracks with codecs and sizes, without the measured bit rates and without
 * the ticket of the viewer, which changes with the token.
 * @param {string} multivariant
 */
export function tracksOf(multivariant) {
  const lines = multivariant
    .split(/\r?\n/)
    .filter((line) => line !== '' && (!line.startsWith('#') || /^#EXT-X-(?:STREAM-INF|MEDIA):/.test(line)));
  return lines.map((line) => line.replace(/(?:AVERAGE-)?BANDWIDTH=\d+,?/g, '').replace(TICKETED, '')).join('\n');
}
