// Distinguishes a missing stream from a network failure and from a refusal: the page must not say that the broadcaster has left if the viewer's
// own network has failed, or if they may not watch.

/**
 * @typedef {'viewer'|'server'|'token-required'|'token-refused'|'token-expired'} Trouble
 *
 * - `viewer`: this device has no network; `server`: nobody answers;
 * - `token-required`: only who has a link with a token may watch; `token-refused`: this one is not taken; `token-expired`: it has ended.
 */

export class NetworkTrouble {
  #onChange;
  #unreachable = false;
  /** @type {Trouble | undefined} */ #refusal;
  #listeners = new AbortController();

  /** @param {(isBack: boolean) => void} onChange `isBack`: the viewer's own network has just come back */
  constructor(onChange) {
    this.#onChange = onChange;
    const { signal } = this.#listeners;
    addEventListener('online', () => onChange(true), { signal });
    addEventListener('offline', () => onChange(false), { signal });
  }

  /** Why nothing can be read; undefined if nothing prevents it. @returns {Trouble | undefined} */
  get cause() {
    if (!navigator.onLine) return 'viewer';
    if (this.#refusal !== undefined) return this.#refusal;
    return this.#unreachable ? 'server' : undefined;
  }

  /** @param {boolean} value whether the last request got no answer */
  set unreachable(value) {
    if (value === this.#unreachable) return;
    this.#unreachable = value;
    this.#onChange(false);
  }

  /** @param {Trouble | undefined} value why the last request was refused; undefined if it was not */
  set refusal(value) {
    if (value === this.#refusal) return;
    this.#refusal = value;
    this.#onChange(false);
  }

  close() {
    this.#listeners.abort();
  }
}
