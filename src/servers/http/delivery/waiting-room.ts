// Counts the requests that wait and the memory they take, in total and by address, so that neither a crowd nor one client takes everything.

import { AddressTally } from '../../../protocols/address-tally.js';

export interface WaitingLimits {
  /** Requests held open in all. */
  readonly maxWaiters: number;
  /** Requests held open for one client address. */
  readonly maxWaitersPerIp: number;
}

/** By default a school of 500 viewers may come from one address: a player of low latency has up to four requests waiting. */
export const DEFAULT_WAITING_LIMITS: WaitingLimits = { maxWaiters: 20_000, maxWaitersPerIp: 4_000 };

/** What a waiting request with its connection takes, its target and headers not counted: 9 kB were measured. */
const REQUEST_BYTES = 8 * 1024;

/** What waiting requests may take on average, headers included, so that as many may wait as the limits say only if these are short. */
export const AVERAGE_WAITER_BYTES = 10 * 1024;

export class WaitingRoom {
  readonly #limits: WaitingLimits;
  readonly #requests = new AddressTally();
  readonly #bytesOf = new AddressTally();
  #size = 0;
  #bytes = 0;
  /** Turned away since the start. */
  refused = 0;

  constructor(limits: WaitingLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes that those who wait take, by estimate. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Addresses, of IPv6 networks, that somebody waits from. */
  get addresses(): number {
    return this.#requests.size;
  }

  /**
   * @param address undefined when it is not known: a trusted proxy that names nobody counts only in all
   * @param headerBytes of the request, its target included
   * @returns what frees the place, once; undefined when there is none
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

/** @param requests that wait already. @param bytes with the next one, which may be as long as it likes where it is alone */
function fits(requests: number, bytes: number, limit: number): boolean {
  return requests === 0 || (requests < limit && bytes <= limit * AVERAGE_WAITER_BYTES);
}
