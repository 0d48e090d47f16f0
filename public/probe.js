// Finds out whether a stream can be played now, at the price of small requests.

import { askServer } from './server-clock.js';

/** Milliseconds between looks, by how often we looked already: quick at first, then patient. */
const DELAYS = [500, 1_000, 1_000, 1_500, 2_000];
const LONGEST_DELAY = 2_500;
/** A look may be held by the gateway until the stream can be played. */
const REQUEST_TIMEOUT = 15_000;
/** Milliseconds between looks whether a stream that nobody has pressed play for is still there. */
const WATCH_INTERVAL = 10_000;

/**
 * - `live`: it can be played; `ended`: what is left of it can be read; `offline`: the gateway knows no such stream;
 * - `unreachable`: nobody answered.
 * @typedef {'live'|'ended'|'offline'|'unreachable'} Liveness
 */

export class LiveProbe {
  #source;
  #cancel = new AbortController();
  /** Ends the pause of the moment. @type {(() => void) | undefined} */ #wake;
  #isFirst = true;
  #watching;
  /** What the last look read, by URL: the player begins with it instead of asking again. @type {Map<string, string>} */
  playlists = new Map();

  /** @param {string} source URL of the multivariant playlist */
  constructor(source) {
    this.#source = new URL(source, document.baseURI);
  }

  cancel() {
    this.stopWatching();
    this.#cancel.abort();
  }

  /** Looks from time to time until the stream is not live any more. @param {(liveness: Exclude<Liveness, 'live'>) => void} onOver */
  watch(onOver) {
    this.stopWatching();
    const timer = setInterval(async () => {
      const liveness = await this.look();
      if (liveness === 'live' || timer !== this.#watching) return;
      this.stopWatching();
      onOver(liveness);
    }, WATCH_INTERVAL);
    this.#watching = timer;
  }

  stopWatching() {
    clearInterval(this.#watching);
    this.#watching = undefined;
  }

  /** Looks now rather than after the pause of the moment. */
  hurry() {
    this.#wake?.();
  }

  /**
   * Resolves when the stream can be played (or when cancelled).
   * @param {{failures?: number, onOffline?: (why: Exclude<Liveness, 'live'>) => void}} options
   *   `failures`: how often playing failed in a row although a look had said "live"; slows down.
   */
  async untilLive({ failures = 0, onOffline }) {
    if (failures > 1) await this.#pause(delay(failures));
    for (let attempt = 0; !this.#cancel.signal.aborted; attempt += 1) {
      const liveness = await this.look();
      if (liveness === 'live') return;
      onOffline?.(liveness);
      await this.#pause(delay(attempt));
    }
  }

  /** @returns {Promise<Liveness>} */
  async look() {
    this.playlists = new Map();
    // What the page has asked for already; later looks must not be answered by a cache.
    const cache = this.#isFirst ? 'default' : 'no-store';
    this.#isFirst = false;
    try {
      const multivariant = await this.#read(this.#source, cache);
      if (multivariant === undefined) return 'offline';
      const [first, sound] = mediaPlaylists(multivariant);
      if (first === undefined) return 'offline';
      // The sound is for the player alone.
      const [media] = await Promise.all(
        [first, sound].map((uri) => uri && this.#read(new URL(uri, this.#source), cache)),
      );
      if (media === undefined) return 'offline';
      return media.includes('#EXT-X-ENDLIST') ? 'ended' : 'live';
    } catch {
      // No network, or a look that took too long: the same to the viewer.
      return 'unreachable';
    }
  }

  async #read(url, cache) {
    const signal = AbortSignal.any
      ? AbortSignal.any([this.#cancel.signal, AbortSignal.timeout(REQUEST_TIMEOUT)])
      : this.#cancel.signal;
    const response = await askServer(url, { cache, signal });
    if (!response.ok) return undefined;
    const text = await response.text();
    this.playlists.set(url.href, text);
    return text;
  }

  #pause(milliseconds) {
    return new Promise((resolve) => {
      const { signal } = this.#cancel;
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      this.#wake = end;
      signal.addEventListener('abort', end);
    });
  }
}

/** Spread by 20 %, so that a thousand viewers of a restarted stream do not ask in the same instant. */
function delay(attempt) {
  const base = DELAYS[attempt] ?? LONGEST_DELAY;
  return base * (0.9 + Math.random() * 0.2);
}

/** The URIs of the first variant and of the sound, if that has one of its own. An audio-only stream may have no variant. */
function mediaPlaylists(multivariant) {
  const variant = multivariant.split(/\r?\n/).find((line) => line !== '' && !line.startsWith('#'));
  const sound = /^#EXT-X-MEDIA:.*URI="([^"]+)"/m.exec(multivariant)?.[1];
  return variant === undefined ? [sound] : [variant, sound === variant ? undefined : sound];
}
