// What each party holds of something, connections, requests or bytes. Counts by address live here alone, so that none of them can
// be passed by whoever has many addresses.

import { addressGroup } from './address-group.js';

/** Keeps nothing of who holds nothing. */
export class AddressTally {
  readonly #held = new Map<string, number>();

  /** Parties that hold anything. */
  get size(): number {
    return this.#held.size;
  }

  /** What all addresses of the same group hold together. */
  of(address: string): number {
    return this.#held.get(addressGroup(address)) ?? 0;
  }

  /** @param amount below zero for what is held no longer; give back under the same address what was taken under it */
  add(address: string, amount: number): void {
    const group = addressGroup(address);
    const held = (this.#held.get(group) ?? 0) + amount;
    if (held > 0) this.#held.set(group, held);
    else this.#held.delete(group);
  }
}
