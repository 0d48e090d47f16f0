// Asks the gateway what a standing picture means: whether the publisher is away and expected back.

/** Milliseconds between two looks. */
const INTERVAL = 1_500;

export class BroadcastWatch {
  #api;
  #onChange;
  #cancel = new AbortController();
  #lastLook = Number.NEGATIVE_INFINITY;
  #resuming = false;

  /**
   * @param {string} api URL of the stream's state
   * @param {() => void} onChange `resuming` is another
   */
  constructor(api, onChange) {
    this.#api = api;
    this.#onChange = onChange;
  }

  /** The publisher is gone and may come back. */
  get resuming() {
    return this.#resuming;
  }

  /** A new picture was shown. */
  moved() {
    this.#set(false);
  }

  /** Looks, if it did not just do so. @returns {Promise<boolean>} `resuming` */
  async look() {
    if (performance.now() - this.#lastLook < INTERVAL) return this.#resuming;
    this.#lastLook = performance.now();
    const state = await readState(this.#api, this.#cancel.signal);
    if (!this.#cancel.signal.aborted) this.#set(state?.state === 'resuming');
    return this.#resuming;
  }

  cancel() {
    this.#cancel.abort();
  }

  #set(resuming) {
    if (resuming === this.#resuming) return;
    this.#resuming = resuming;
    this.#onChange();
  }
}

/** The stream as the API tells it; undefined when there is none, or nobody answers. */
export async function readState(api, signal) {
  try {
    const response = await fetch(api, { cache: 'no-store', ...(signal && { signal }) });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}
