// Waits until a stream can be read, and knows meanwhile why it cannot be: it is offline, the network failed, or the viewer was refused.

import { NetworkTrouble } from './network-trouble.js';
import { LiveProbe } from './probe.js';

/** Milliseconds of waiting after which the viewer is told that the stream is offline: most interruptions are shorter. */
const PATIENCE = 15_000;

export class StreamArrival {
  #probe;
  #network;

  /**
   * @param {string} source URL of the multivariant playlist
   * @param {() => void} onTrouble called when `trouble` has changed
   */
  constructor(source, onTrouble) {
    this.#probe = new LiveProbe(source);
    this.#network = new NetworkTrouble((isBack) => {
      onTrouble();
      if (isBack) this.#probe.hurry();
    });
  }

  /** Why nothing arrives: a network that failed, or a viewer who may not watch. @returns {import('./network-trouble.js').Trouble | undefined} */
  get trouble() {
    return this.#network.cause;
  }

  set source(source) {
    this.#probe.source = source;
  }

  /**
   * Resolves when the stream can be read.
   * @param {{failures: number, onLate: () => void, onOffline: (why: string) => void}} options `failures`: starts that failed before;
   * `onLate`: called once if it takes long; `onOffline`: called after each attempt that failed
   */
  async untilLive({ failures, onLate, onOffline }) {
    const patience = setTimeout(onLate, PATIENCE);
    await this.#probe.untilLive({
      failures,
      onOffline: (why) => {
        this.#network.refusal = why === 'refused' ? this.#probe.refusal : undefined;
        this.#network.unreachable = why === 'unreachable';
        onOffline(why);
      },
    });
    clearTimeout(patience);
    this.#network.refusal = undefined;
    this.#network.unreachable = false;
  }

  /** Follows a stream of which nothing is loaded. @param {(next: 'ended' | 'waiting') => void} onGone */
  watch(onGone) {
    this.#probe.watch((liveness) => onGone(liveness === 'ended' ? 'ended' : 'waiting'));
  }

  /** The playlists that were read a moment ago, by URL, for one start only. From now on the player itself follows the stream. */
  takePlaylists() {
    this.#probe.stopWatching();
    const { playlists } = this.#probe;
    this.#probe.playlists = new Map();
    return playlists;
  }

  close() {
    this.#network.close();
    this.#probe.cancel();
  }
}
