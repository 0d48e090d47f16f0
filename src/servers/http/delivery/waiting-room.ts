// Limits the requests that wait for media and the memory that they take, in total and per address.

import { AddressTally } from '../../../protocols/address-tally.js';

export interface WaitingLimits {
  /** Waiting requests of all addresses together. */
  readonly maxWaiters: number;
  /** Waiting requests of one client address. */
  readonly maxWaitersPerIp: number;
}

/** The defaults leave ample room for 500 viewers behind one address: a low-latency player has up to four waiting requests. */
export const DEFAULT_WAITING_LIMITS: WaitingLimits = { maxWaiters: 20_000, maxWaitersPerIp: 4_000 };

/** Memory of a waiting request and its connection, without target and headers. With the headers of a browser, 9 kB were measured. */
const REQUEST_BYTES = 8 * 1024;

/** Average memory per waiting request, headers included, that the limits assume. With longer headers fewer requests may wait. */
const AVERAGE_WAITER_BYTES = 10 * 1024;

export class WaitingRoom {
  readonly #limits: WaitingLimits;
  readonly #requests = new AddressTally();
  readonly #bytesOf = new AddressTally();
  #size = 0;
  #bytes = 0;
  /** Requests refused since the start. */
  refused = 0;

  constructor(limits: WaitingLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  /** Estimated memory of the waiting requests. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of addresses (for IPv6: of /64 networks) with waiting requests. */
  get addresses(): number {
    return this.#requests.size;
  }

  /**
   * @param address undefined if it is unknown, as for a trusted proxy that does not name its client: then only the total limit applies
   * @param headerBytes size of the request target and headers
   * @returns a function that gives the place back, to be called once; undefined if there is no place
   */
  enter(address: string | undefined, headerBytes: number): (() => void) | undefined {
    const bytes = REQUEST_BYTES + headerBytes;
    if (!this.#hasRoom(address, bytes)) {
      this.refused++;
      return undefined;
    }
    this.#add(address, 1, bytes);
    return () => this.#add(address, -1, -bytes);
  }

  #hasRoom(address: string | undefined, bytes: number): boolean {
    const { maxWaiters, maxWaitersPerIp } = this.#limits;
    if (!fits(this.#size, this.#bytes + bytes, maxWaiters)) return false;
    if (address === undefined) return true;
    return fits(this.#requests.of(address), this.#bytesOf.of(address) + bytes, maxWaitersPerIp);
  }

  #add(address: string | undefined, requests: number, bytes: number): void {
    this.#size += requests;
    this.#bytes += bytes;
    if (address === undefined) return;
    this.#requests.add(address, requests);
    this.#bytesOf.add(address, bytes);
  }
}

/**
 * One limit for both: the number of requests, and their bytes, as many as that number of average requests takes.
 * @param requests number of requests that wait already.
 * @param bytes the next request included; it always fits if nothing else waits
 */
function fits(requests: number, bytes: number, limit: number): boolean {
  return requests === 0 || (requests < limit && bytes <= limit * AVERAGE_WAITER_BYTES);
}
