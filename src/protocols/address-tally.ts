// Counts what each party holds: connections, requests or bytes. Limits that store more than a number for each address (wrong keys, unread
// answers) use `addressGroup` themselves, so that no limit can be avoided by using many addresses.

import { addressGroup } from './address-group.js';

/** Keeps no entry for a party that holds nothing. */
export class AddressTally {
  readonly #held = new Map<string, number>();

  /** Number of parties that hold anything. */
  get size(): number {
    return this.#held.size;
  }

  /** The total for all addresses of the same group. */
  of(address: string): number {
    return this.#held.get(addressGroup(address)) ?? 0;
  }

  /** @param amount negative to give back; then use the same address as before */
  add(address: string, amount: number): void {
    const group = addressGroup(address);
    const held = (this.#held.get(group) ?? 0) + amount;
    if (held > 0) this.#held.set(group, held);
    else this.#held.delete(group);
  }
}
