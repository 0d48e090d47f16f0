// Asks the gateway what pictures do not tell: whether the publisher is away and expected back.

import { askServer } from './server-clock.js';

/** Milliseconds between two looks. */
const INTERVAL = 1_500;
/** While a slate is shown, whose end no standing picture announces. */
const AWAY_INTERVAL = 3_000;

export class BroadcastWatch {
  #api;
  #onChange;
  #cancel = new AbortController();
  #lastLook = Number.NEGATIVE_INFINITY;
  #resuming = false;
  #away = false;
  #timer;

  /**
   * @param {string} api URL of the stream's state
   * @param {() => void} onChange `resuming` or `away` is another
   */
  constructor(api, onChange) {
    this.#api = api;
    this.#onChange = onChange;
  }

  /** The publisher is gone and may come back, and there is nothing left to show. */
  get resuming() {
    return this.#resuming;
  }

  /** The publisher is gone and may come back; meanwhile viewers see a slate. */
  get away() {
    return this.#away;
  }

  /** A new picture was shown. */
  moved() {
    this.#set(false, this.#away);
  }

  /** Looks, if it did not just do so. @returns {Promise<boolean>} `resuming` */
  async look() {
    if (performance.now() - this.#lastLook < INTERVAL) return this.#resuming;
    this.#lastLook = performance.now();
    const state = await readState(this.#api, this.#cancel.signal);
    if (this.#cancel.signal.aborted) return this.#resuming;
    const isGone = state?.state === 'resuming';
    const away = state?.slate === true;
    clearTimeout(this.#timer);
    if (away) this.#timer = setTimeout(() => this.look(), AWAY_INTERVAL);
    this.#set(isGone && !away, away);
    return this.#resuming;
  }

  cancel() {
    clearTimeout(this.#timer);
    this.#cancel.abort();
  }

  #set(resuming, away) {
    if (resuming === this.#resuming && away === this.#away) return;
    this.#resuming = resuming;
    this.#away = away;
    this.#onChange();
  }
}

/** The stream as the API tells it; undefined when there is none, or nobody answers. */
export async function readState(api, signal) {
  try {
    const response = await askServer(api, { cache: 'no-store', ...(signal && { signal }) });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}
