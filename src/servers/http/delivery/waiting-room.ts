// Counts who waits, in all and by address, so that neither a herd nor one client can hold everything (C4.06).

import { AddressTally } from '../../../protocols/address-tally.js';

export interface WaitingLimits {
  /** Requests held open in all. */
  readonly maxWaiters: number;
  /** Requests held open for one client address. */
  readonly maxWaitersPerIp: number;
}

export const DEFAULT_WAITING_LIMITS: WaitingLimits = { maxWaiters: 20_000, maxWaitersPerIp: 64 };

export class WaitingRoom {
  readonly #limits: WaitingLimits;
  readonly #perAddress = new AddressTally();
  #size = 0;
  /** Turned away since the start. */
  refused = 0;

  constructor(limits: WaitingLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  /** Addresses, of IPv6 networks, that somebody waits from. */
  get addresses(): number {
    return this.#perAddress.size;
  }

  /**
   * @param address undefined when it is not known: a trusted proxy that names nobody counts only in all
   * @returns what frees the place, once; undefined when there is none
   */
  enter(address: string | undefined): (() => void) | undefined {
    const there = address === undefined ? 0 : this.#perAddress.of(address);
    if (this.#size >= this.#limits.maxWaiters || there >= this.#limits.maxWaitersPerIp) {
      this.refused++;
      return undefined;
    }
    this.#size++;
    if (address !== undefined) this.#perAddress.add(address, 1);
    return () => this.#leave(address);
  }

  #leave(address: string | undefined): void {
    this.#size--;
    if (address !== undefined) this.#perAddress.add(address, -1);
  }
}
