// Bans: addresses and holders that are refused for some time. Their number is bounded: beyond it, the ban with the least time left is
// removed.

import type { Ban, GrantAction, GrantHolder } from '../../contracts/grant.js';
import { addressGroup } from '../../protocols/address-group.js';
import type { EpochMilliseconds } from '../../protocols/units.js';
import { newGrantId } from './grants.js';

/** About 3 MB. */
const MAX_BANS = 10_000;

export class Bans {
  readonly #wallClock: () => EpochMilliseconds;
  readonly #limit: number;
  readonly #onChange: () => void;
  readonly #bans = new Map<string, Ban>();
  /** Ids of bans, by the party that is banned, so that most requests need only one or two look-ups. */
  readonly #byParty = new Map<string, Set<string>>();
  /** Called after each new ban. */
  readonly #listeners = new Set<() => void>();

  /** @param onChange called after each change; must not throw */
  constructor(
    wallClock: () => EpochMilliseconds,
    { limit = MAX_BANS, onChange = () => undefined }: { readonly limit?: number; readonly onChange?: () => void } = {},
  ) {
    this.#wallClock = wallClock;
    this.#limit = limit;
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#bans.size;
  }

  add(ban: Omit<Ban, 'id'>): Ban {
    this.#forget();
    const added: Ban = { ...ban, id: newGrantId() };
    this.#keep(added);
    this.#onChange();
    for (const listener of [...this.#listeners]) listener();
    return added;
  }

  /** @param listener must not throw. @returns a function that removes it */
  onAdded(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  list(): readonly Ban[] {
    this.#forget();
    return [...this.#bans.values()];
  }

  lift(id: string): boolean {
    if (!this.#remove(id)) return false;
    this.#onChange();
    return true;
  }

  /** Adds bans of an earlier process. */
  restore(bans: readonly Ban[]): void {
    for (const ban of bans) this.#keep(ban);
    this.#forget();
  }

  hasAddress(action: GrantAction, address: string): boolean {
    return this.#byParty.size > 0 && this.#has(action, addressKey(address));
  }

  hasHolder(action: GrantAction, holder: GrantHolder): boolean {
    if (this.#byParty.size === 0 || holder.id === undefined) return false;
    return this.#has(action, holderKey(holder));
  }

  #keep(ban: Ban): void {
    this.#bans.set(ban.id, ban);
    for (const party of partiesOf(ban)) {
      const ids = this.#byParty.get(party) ?? new Set();
      this.#byParty.set(party, ids.add(ban.id));
    }
    if (this.#bans.size > this.#limit) this.#remove(this.#endingFirst());
  }

  #remove(id: string): boolean {
    const ban = this.#bans.get(id);
    if (ban === undefined) return false;
    this.#bans.delete(id);
    for (const party of partiesOf(ban)) {
      const ids = this.#byParty.get(party);
      ids?.delete(id);
      if (ids?.size === 0) this.#byParty.delete(party);
    }
    return true;
  }

  #has(action: GrantAction, party: string): boolean {
    const now = this.#wallClock();
    for (const id of this.#byParty.get(party) ?? []) {
      const ban = this.#bans.get(id);
      if (ban !== undefined && ban.until > now && (ban.action ?? action) === action) return true;
    }
    return false;
  }

  #forget(): void {
    const now = this.#wallClock();
    for (const { id, until } of this.#bans.values()) if (until <= now) this.#remove(id);
  }

  #endingFirst(): string {
    let first: Ban | undefined;
    for (const ban of this.#bans.values()) if (first === undefined || ban.until < first.until) first = ban;
    return first?.id ?? '';
  }
}

function partiesOf({ address, holder }: Ban): readonly string[] {
  return [
    ...(address === undefined ? [] : [addressKey(address)]),
    ...(holder?.id === undefined ? [] : [holderKey(holder)]),
  ];
}

const addressKey = (address: string): string => `address ${addressGroup(address)}`;
const holderKey = ({ proof, id = '' }: GrantHolder): string => `${proof} ${id}`;
