// Shares the browser's connections among all players of this gateway: over HTTP/1.1 a browser opens six to a host, for all tabs
// together, and a low-latency player keeps two of them waiting for playlists that are not there yet. Three players would take all.

/** Players that may keep requests waiting at the same time; four of six connections at most. */
const SHARES = 2;
/** Milliseconds in which the other players answer a newcomer; what comes later is heeded too. */
const CENSUS = 100;
const HEARTBEAT = 20_000;
/** A crashed tab says no good-bye, and a hidden one speaks once a minute. */
const SILENCE = 150_000;

export class SharedLine {
  #onLoss;
  #id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  #since = Date.now();
  /** @type {BroadcastChannel | undefined} */ #channel;
  /** Who else is there, by id. @type {Map<string, {since: number, heard: number}>} */
  #others = new Map();
  #heartbeat;
  /** Resolves when it is known who else is there. */
  counted = Promise.resolve();

  /** @param {() => void} onLoss others were here before, so `mayWait` is false now */
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
   * This player may keep requests waiting (blocking reloads, RFC 8216bis section 6.2.5.2). Who came first keeps what it has, so that
   * nobody who plays is slowed down by a newcomer.
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

/** HTTP/2 and HTTP/3 carry any number of waiting requests over one connection. What is not known is taken for HTTP/1.1. */
function isMultiplexed() {
  const [navigation] = performance.getEntriesByType('navigation');
  return /^h[23]/.test(navigation?.nextHopProtocol ?? '');
}
