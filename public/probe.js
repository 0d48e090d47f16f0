// Finds out whether a stream can be played now, and how far this computer's clock is from the gateway's, at the price of small requests.

/** Milliseconds between looks, by how often we looked already: quick at first, then patient. */
const DELAYS = [500, 1_000, 1_000, 1_500, 2_000];
const LONGEST_DELAY = 2_500;
/** A look may be held by the gateway until the stream can be played. */
const REQUEST_TIMEOUT = 15_000;
/** Milliseconds. The Date header counts whole seconds, so a smaller difference says nothing. */
const CLOCK_TOLERANCE = 1_500;

/** @typedef {'live'|'ended'|'offline'} Liveness */

export class LiveProbe {
  #source;
  #cancel = new AbortController();
  #clockOffset = 0;

  /** @param {string} source URL of the multivariant playlist */
  constructor(source) {
    this.#source = new URL(source, document.baseURI);
  }

  /** Milliseconds since the epoch, by the gateway's clock as far as we know it. */
  serverNow() {
    return Date.now() + this.#clockOffset;
  }

  cancel() {
    this.#cancel.abort();
  }

  /**
   * Resolves when the stream can be played (or when cancelled).
   * @param {{failures?: number, onOffline?: (why: 'ended'|'offline') => void}} options
   *   `failures`: how often playing failed in a row although a look had said "live"; slows down.
   */
  async untilLive({ failures = 0, onOffline }) {
    if (failures > 1) await this.#pause(delay(failures));
    for (let attempt = 0; !this.#cancel.signal.aborted; attempt += 1) {
      const liveness = await this.#look();
      if (liveness === 'live') return;
      onOffline?.(liveness);
      await this.#pause(delay(attempt));
    }
  }

  /** @returns {Promise<Liveness>} */
  async #look() {
    try {
      const multivariant = await this.#read(this.#source);
      if (multivariant === undefined) return 'offline';
      const first = firstVariant(multivariant);
      if (first === undefined) return 'offline';
      const media = await this.#read(new URL(first, this.#source));
      if (media === undefined) return 'offline';
      return media.includes('#EXT-X-ENDLIST') ? 'ended' : 'live';
    } catch {
      // No network, or a look that took too long: the same to the viewer.
      return 'offline';
    }
  }

  async #read(url) {
    const asked = Date.now();
    const signal = AbortSignal.any
      ? AbortSignal.any([this.#cancel.signal, AbortSignal.timeout(REQUEST_TIMEOUT)])
      : this.#cancel.signal;
    const response = await fetch(url, { cache: 'no-store', signal });
    this.#compareClocks(response, asked, Date.now());
    return response.ok ? response.text() : undefined;
  }

  #compareClocks(response, asked, answered) {
    const date = Date.parse(response.headers.get('date') ?? '');
    // A slow answer may have waited on either side.
    if (Number.isNaN(date) || answered - asked > 1_000) return;
    const age = Number(response.headers.get('age') ?? 0) * 1000;
    const offset = date + age + 500 - (asked + answered) / 2;
    this.#clockOffset = Math.abs(offset) > CLOCK_TOLERANCE ? offset : 0;
  }

  #pause(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#cancel.signal.addEventListener(
        'abort',
        () => {
          clearTimeout(timer);
          resolve();
        },
        { once: true },
      );
    });
  }
}

/** Spread by 20 %, so that a thousand viewers of a restarted stream do not ask in the same instant. */
function delay(attempt) {
  const base = DELAYS[attempt] ?? LONGEST_DELAY;
  return base * (0.9 + Math.random() * 0.2);
}

function firstVariant(playlist) {
  const lines = playlist.split(/\r?\n/);
  const uri = lines.find((line) => line !== '' && !line.startsWith('#'));
  // An audio-only presentation may name its playlist in EXT-X-MEDIA alone.
  return uri ?? /^#EXT-X-MEDIA:.*URI="([^"]+)"/m.exec(playlist)?.[1];
}
