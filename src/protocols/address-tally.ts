// Counts what each party holds: connections, requests or bytes. Limits that remember something else of an address (wrong keys, unread answers)
// use `addressGroup` themselves, so none can be avoided by using many addresses.

import { addressGroup } from './address-group.js';

/** Keeps no entry for a party that holds nothing. */
export class AddressTally {
  readonly #held = new Map<string, number>();

  /** Number of parties that hold anything. */
  get size(): number {
    return this.#held.size;
  }

  /** What all addresses of the same group hold together. */
  of(address: string): number {
    return this.#held.get(addressGroup(address)) ?? 0;
  }

  /** @param amount negative to give back; use the same address as when it was taken */
  add(address: string, amount: number): void {
    const group = addressGroup(address);
    const held = (this.#held.get(group) ?? 0) + amount;
    if (held > 0) this.#held.set(group, held);
    else this.#held.delete(group);
  }
}
