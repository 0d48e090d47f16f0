// Bans: addresses and holders that are refused for some time. Their number is bounded: beyond it, the ban with the least time left is
// removed.

import { isIP } from 'node:net';
import { type Ban, type GrantAction, type GrantHolder, PROOF_KINDS } from '../../contracts/grant.js';
import { addressGroup } from '../../protocols/address-group.js';
import type { EpochMilliseconds } from '../../protocols/units.js';
import { newGrantId } from './grants.js';

/** About 3 MB. */
const MAX_BANS = 10_000;
/** The last time that a Date can hold. */
export const END_OF_TIME: EpochMilliseconds = 8.64e15;
export const MAX_BAN_REASON = 1_000;
export const MAX_HOLDER_ID = 256;

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

  /** @throws {RangeError} for a ban that could not be read again after a restart, or that refuses nobody */
  add(ban: Omit<Ban, 'id'>): Ban {
    const fault = faultOf(ban);
    if (fault !== undefined) throw new RangeError(fault);
    this.#forget();
    const added: Ban = { ...ban, until: Math.min(ban.until, END_OF_TIME), id: newGrantId() };
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

function faultOf({ address, holder, action, until, reason }: Omit<Ban, 'id'>): string | undefined {
  if (address === undefined && holder?.id === undefined) return 'expected an address, or a holder with an id';
  if (address !== undefined && isIP(address) === 0) return 'address: expected an IP address';
  if (holder !== undefined && !PROOF_KINDS.includes(holder.proof)) return 'holder.proof: expected a kind of proof';
  if (holder?.id !== undefined && !isText(holder.id, MAX_HOLDER_ID))
    return `holder.id: expected up to ${MAX_HOLDER_ID} characters`;
  if (action !== undefined && action !== 'publish' && action !== 'play') return 'action: expected publish or play';
  if (typeof until !== 'number' || Number.isNaN(until)) return 'until: expected milliseconds since 1970';
  return isText(reason, MAX_BAN_REASON) ? undefined : `reason: expected up to ${MAX_BAN_REASON} characters`;
}

const isText = (value: unknown, longest: number): boolean => typeof value === 'string' && value.length <= longest;

function partiesOf({ address, holder }: Ban): readonly string[] {
  return [
    ...(address === undefined ? [] : [addressKey(address)]),
    ...(holder?.id === undefined ? [] : [holderKey(holder)]),
  ];
}

const addressKey = (address: string): string => `address ${addressGroup(address)}`;
const holderKey = ({ proof, id = '' }: GrantHolder): string => `${proof} ${id}`;
