// Distinguishes a missing stream from a network failure: viewers must not be told that the broadcaster has left if their own network has
// failed.

export class NetworkTrouble {
  #onChange;
  #unreachable = false;
  #listeners = new AbortController();

  /** @param {(isBack: boolean) => void} onChange `isBack`: the viewer's own network has just come back */
  constructor(onChange) {
    this.#onChange = onChange;
    const { signal } = this.#listeners;
    addEventListener('online', () => onChange(true), { signal });
    addEventListener('offline', () => onChange(false), { signal });
  }

  /** Whose network has failed; undefined if none has. @returns {'viewer'|'server'|undefined} */
  get cause() {
    if (!navigator.onLine) return 'viewer';
    return this.#unreachable ? 'server' : undefined;
  }

  /** @param {boolean} value whether the last request got no answer */
  set unreachable(value) {
    if (value === this.#unreachable) return;
    this.#unreachable = value;
    this.#onChange(false);
  }

  close() {
    this.#listeners.abort();
  }
}
