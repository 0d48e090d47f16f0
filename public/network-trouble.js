// Tells a stream that is not there from a network that is not: viewers must not be told that the broadcaster has gone when they have.

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

  /** Whose network it is; undefined where nothing is wrong with either. @returns {'viewer'|'server'|undefined} */
  get cause() {
    if (!navigator.onLine) return 'viewer';
    return this.#unreachable ? 'server' : undefined;
  }

  /** @param {boolean} value nobody answered the last request */
  set unreachable(value) {
    if (value === this.#unreachable) return;
    this.#unreachable = value;
    this.#onChange(false);
  }

  close() {
    this.#listeners.abort();
  }
}
