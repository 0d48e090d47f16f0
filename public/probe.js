// Finds out with small requests whether a stream can be played now.

import { askServer } from './server-clock.js';

/** Milliseconds between probes by their number: fast at first, then slower. */
const DELAYS = [500, 1_000, 1_000, 1_500, 2_000];
const LONGEST_DELAY = 2_500;
/** The gateway may delay its answer until the stream can be played. Milliseconds. */
const REQUEST_TIMEOUT = 15_000;
/** Milliseconds between probes of who is refused: only another token helps, or a publisher who opens the stream. */
const REFUSED_DELAY = 20_000;
/** Milliseconds between probes whether a stream is still there while nobody has pressed play. */
const WATCH_INTERVAL = 10_000;

/**
 * - `live`: it can be played; `ended`: the rest of it can be read; `offline`: the gateway knows no such stream;
 * - `unreachable`: nobody answered; `refused`: this viewer may not watch, see `refusal`.
 * @typedef {'live'|'ended'|'offline'|'unreachable'|'refused'} Liveness
 */

export class LiveProbe {
  #source;
  #cancel = new AbortController();
  /** Ends the current pause. @type {(() => void) | undefined} */ #wake;
  #isFirst = true;
  #watching;
  /** The playlists of the last probe, by URL. The player starts with them instead of requesting them again. @type {Map<string, string>} */
  playlists = new Map();
  /** Why the last probe was refused. @type {import('./network-trouble.js').Trouble | undefined} */
  refusal;

  /** @param {string} source URL of the multivariant playlist */
  constructor(source) {
    this.#source = new URL(source, document.baseURI);
  }

  /** @param {string} source URL of the multivariant playlist, with another token */
  set source(source) {
    this.#source = new URL(source, document.baseURI);
    this.hurry();
  }

  cancel() {
    this.stopWatching();
    this.#cancel.abort();
  }

  /** Probes from time to time until the stream is no longer live. @param {(liveness: Exclude<Liveness, 'live'>) => void} onOver */
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

  /** Probes now instead of after the current pause. */
  hurry() {
    this.#wake?.();
  }

  /**
   * Resolves when the stream can be played, or when cancelled.
   * @param {{failures?: number, onOffline?: (why: Exclude<Liveness, 'live'>) => void}} options
   * `failures`: how many consecutive starts failed although a probe said "live"; increases the delay.
   */
  async untilLive({ failures = 0, onOffline }) {
    if (failures > 1) await this.#pause(delay(failures));
    for (let attempt = 0; !this.#cancel.signal.aborted; attempt += 1) {
      const liveness = await this.look();
      if (liveness === 'live') return;
      onOffline?.(liveness);
      await this.#pause(liveness === 'refused' ? REFUSED_DELAY : delay(attempt));
    }
  }

  /** @returns {Promise<Liveness>} */
  async look() {
    this.playlists = new Map();
    this.refusal = undefined;
    // The page has already preloaded this; later probes must not be answered from a cache.
    const cache = this.#isFirst ? 'default' : 'no-store';
    this.#isFirst = false;
    try {
      const multivariant = await this.#read(this.#source, cache);
      if (multivariant === undefined) return 'offline';
      const [first, sound] = mediaPlaylists(multivariant);
      if (first === undefined) return 'offline';
      // The audio playlist is requested for the player only.
      const [media] = await Promise.all(
        [first, sound].map((uri) => uri && this.#read(new URL(uri, this.#source), cache)),
      );
      if (media === undefined) return 'offline';
      return media.includes('#EXT-X-ENDLIST') ? 'ended' : 'live';
    } catch {
      if (this.refusal !== undefined) return 'refused';
      // No network, or a request that took too long: the same for the viewer.
      return 'unreachable';
    }
  }

  async #read(url, cache) {
    const signal = AbortSignal.any
      ? AbortSignal.any([this.#cancel.signal, AbortSignal.timeout(REQUEST_TIMEOUT)])
      : this.#cancel.signal;
    const response = await askServer(url, { cache, signal });
    if (response.status === 401 || response.status === 403) {
      this.refusal = await refusalOf(response);
      throw new TypeError('this viewer may not watch');
    }
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

/** Codes of docs/errors.md. A proxy in front of the gateway may refuse with another body. */
async function refusalOf(response) {
  const { code } = await response.json().catch(() => ({}));
  if (code === 'access.play-expired') return 'token-expired';
  return response.status === 401 ? 'token-required' : 'token-refused';
}

/** Randomized by 20 %, so that a thousand viewers of a restarted stream do not send requests at the same instant. */
function delay(attempt) {
  const base = DELAYS[attempt] ?? LONGEST_DELAY;
  return base * (0.9 + Math.random() * 0.2);
}

/** The URIs of the first variant and of its audio, if separate. An audio-only stream may have no variant. */
function mediaPlaylists(multivariant) {
  const variant = multivariant.split(/\r?\n/).find((line) => line !== '' && !line.startsWith('#'));
  const sound = /^#EXT-X-MEDIA:.*URI="([^"]+)"/m.exec(multivariant)?.[1];
  return variant === undefined ? [sound] : [variant, sound === variant ? undefined : sound];
}
