// Shares the browser's connections among all players of this gateway. Over HTTP/1.1 a browser opens six connections per host for all tabs
// together, and a low-latency player keeps two of them waiting for playlists. Three players would use all of them.

/** Number of players that may keep requests waiting at the same time; they use at most four of six connections. */
const SHARES = 2;
/** Milliseconds within which other players answer a new one; later answers count too. */
const CENSUS = 100;
const HEARTBEAT = 20_000;
/** Milliseconds. A crashed tab does not sign off, and a hidden tab is active only once a minute. */
const SILENCE = 150_000;

export class SharedLine {
  #onLoss;
  #id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  #since = Date.now();
  /** @type {BroadcastChannel | undefined} */ #channel;
  /** The other players, by id. @type {Map<string, {since: number, heard: number}>} */
  #others = new Map();
  #heartbeat;
  /** Resolves when the other players are known. */
  counted = Promise.resolve();

  /** @param {() => void} onLoss called when others turn out to have been here first, so that `mayWait` becomes false */
  constructor(onLoss) {
    this.#onLoss = onLoss;
    if (isMultiplexed() || typeof BroadcastChannel === 'undefined') return;
    this.#channel = new BroadcastChannel(`sluice-players ${new URL(document.baseURI).pathname}`);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#say('hello');
    this.counted = new Promise((resolve) => setTimeout(resolve, CENSUS));
    this.#heartbeat = setInterval(() => this.#say('here'), HEARTBEAT);
    addEventListener('pagehide', this.#leave);
    addEventListener('pageshow', this.#return);
  }

  /**
   * Whether this player may keep requests waiting (blocking reloads, RFC 8216bis section 6.2.5.2). The players that came first keep this
   * right, so that a new one does not slow down one that is playing.
   */
  get mayWait() {
    const now = Date.now();
    let earlier = 0;
    for (const [id, { since, heard }] of this.#others) {
      if (now - heard > SILENCE) this.#others.delete(id);
      else if (since < this.#since || (since === this.#since && id < this.#id)) earlier += 1;
    }
    return earlier < SHARES;
  }

  close() {
    this.#leave();
    clearInterval(this.#heartbeat);
    removeEventListener('pagehide', this.#leave);
    removeEventListener('pageshow', this.#return);
    this.#channel?.close();
    this.#channel = undefined;
  }

  #leave = () => this.#say('bye');

  #return = ({ persisted }) => {
    if (persisted) this.#say('hello');
  };

  #say(word) {
    this.#channel?.postMessage({ word, id: this.#id, since: this.#since });
  }

  #hear({ word, id, since }) {
    if (word === 'bye') this.#others.delete(id);
    else this.#others.set(id, { since, heard: Date.now() });
    if (word === 'hello') this.#say('here');
    if (!this.mayWait) this.#onLoss();
  }
}

/** HTTP/2 and HTTP/3 carry any number of waiting requests over one connection. If the protocol is unknown, HTTP/1.1 is assumed. */
function isMultiplexed() {
  const [navigation] = performance.getEntriesByType('navigation');
  return /^h[23]/.test(navigation?.nextHopProtocol ?? '');
}
