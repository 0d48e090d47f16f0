// Asks the gateway whether the publisher is away and expected back, which the video does not show.

import { askServer } from './server-clock.js';

/** Milliseconds between two requests. */
const INTERVAL = 1_500;
/** The same while a slate is shown, because no frozen picture shows when it ends. */
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
   * @param {() => void} onChange called when `resuming` or `away` changes
   */
  constructor(api, onChange) {
    this.#api = api;
    this.#onChange = onChange;
  }

  /** The publisher has left and may come back, and there is nothing left to show. */
  get resuming() {
    return this.#resuming;
  }

  /** The publisher has left and may come back; viewers see a slate meanwhile. */
  get away() {
    return this.#away;
  }

  /** A new picture was shown. */
  moved() {
    this.#set(false, this.#away);
  }

  /** Sends a request unless one was sent just now. @returns {Promise<boolean>} `resuming` */
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

/** The stream's state from the API; undefined if there is none or nobody answers. */
export async function readState(api, signal) {
  try {
    const response = await askServer(api, { cache: 'no-store', ...(signal && { signal }) });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}
