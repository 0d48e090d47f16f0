// All recordings, sorted by id and therefore by time. The catalogue is kept in memory and read from the directories at start, so no index file can be
// lost or go stale.

import type { RecordingListQuery } from '../contracts/recordings.js';
import type { EpochMilliseconds } from '../protocols/units.js';
import { isOpen, type RecordingFacts } from './recording-facts.js';
import { timePrefix } from './recording-id.js';

export interface CatalogueEntry {
  readonly facts: RecordingFacts;
  /** Absolute path. */
  readonly directory: string;
}

export interface RecordingPage {
  /** The newest first. */
  readonly recordings: readonly RecordingFacts[];
  /** Undefined on the last page. */
  readonly cursor?: string | undefined;
}

export interface RecordingTotals {
  readonly count: number;
  readonly bytes: number;
}

export interface RecordingBounds {
  readonly first: EpochMilliseconds;
  readonly last: EpochMilliseconds;
}

/** Is told what changes in the catalogue. Must not throw. */
export interface CatalogueFollower {
  changed(entry: CatalogueEntry): void;
  /** It is about to be removed. */
  leaves(id: string): void;
}

export class Catalogue {
  readonly #follower: CatalogueFollower | undefined;
  readonly #byId = new Map<string, CatalogueEntry>();
  /** Ascending. */
  #ids: string[] = [];
  /** The same of each stream: few of many recordings are found without looking at the others. */
  readonly #byStream = new Map<string, string[]>();
  /** Ids of those in progress. */
  readonly #open = new Set<string>();
  #bytes = 0;

  constructor(follower?: CatalogueFollower) {
    this.#follower = follower;
  }

  get(id: string): CatalogueEntry | undefined {
    return this.#byId.get(id);
  }

  set(entry: CatalogueEntry): void {
    this.setAll([entry]);
  }

  /** Like `set` for each, and cheaper. @param entries the oldest first */
  setAll(entries: readonly CatalogueEntry[]): void {
    const added: string[] = [];
    const addedOfStreams = new Map<string, string[]>();
    for (const { facts } of entries) {
      if (this.#byId.has(facts.id)) continue;
      added.push(facts.id);
      const ofStream = addedOfStreams.get(keyOf(facts));
      if (ofStream === undefined) addedOfStreams.set(keyOf(facts), [facts.id]);
      else ofStream.push(facts.id);
    }
    this.#ids = merged(this.#ids, added);
    for (const [stream, ids] of addedOfStreams) {
      this.#byStream.set(stream, merged(this.#byStream.get(stream) ?? [], ids));
    }
    for (const entry of entries) this.#keep(entry);
  }

  #keep(entry: CatalogueEntry): void {
    const { id, bytes } = entry.facts;
    this.#bytes += bytes - (this.#byId.get(id)?.facts.bytes ?? 0);
    this.#byId.set(id, entry);
    if (isOpen(entry.facts)) this.#open.add(id);
    else this.#open.delete(id);
    this.#follower?.changed(entry);
  }

  remove(id: string): void {
    const entry = this.#byId.get(id);
    if (entry === undefined) return;
    this.#follower?.leaves(id);
    this.#byId.delete(id);
    this.#open.delete(id);
    this.#ids.splice(indexOf(this.#ids, id), 1);
    const stream = keyOf(entry.facts);
    const ofStream = this.#byStream.get(stream) ?? [];
    ofStream.splice(indexOf(ofStream, id), 1);
    if (ofStream.length === 0) this.#byStream.delete(stream);
    this.#bytes -= entry.facts.bytes;
  }

  /** The oldest first. */
  *entries(): Generator<CatalogueEntry, void, undefined> {
    for (const id of [...this.#ids]) {
      const entry = this.#byId.get(id);
      if (entry !== undefined) yield entry;
    }
  }

  list({ app, name, from, to, cursor, limit }: RecordingListQuery): RecordingPage {
    const ids = this.#idsOf({ app, name });
    const before = Math.min(
      cursor === undefined ? ids.length : indexOf(ids, cursor),
      to === undefined ? ids.length : indexOf(ids, timePrefix(to)),
    );
    const since = from === undefined ? 0 : indexOf(ids, timePrefix(from));
    const found: RecordingFacts[] = [];
    for (let index = before - 1; index >= since; index -= 1) {
      const facts = this.#byId.get(ids[index] ?? '')?.facts;
      if (facts === undefined) continue;
      if (!isOfStream(facts, { app, name })) continue;
      if (found.length === limit) return { recordings: found, cursor: found.at(-1)?.id };
      found.push(facts);
    }
    return { recordings: found };
  }

  totals(): RecordingTotals {
    return { count: this.#byId.size, bytes: this.#bytes };
  }

  /** Beginning of the oldest recording and end of the newest one, of all streams or of some; undefined if there is none. */
  bounds({ app, name }: Pick<RecordingListQuery, 'app' | 'name'>): RecordingBounds | undefined {
    const isAsked = (id: string): boolean => {
      const facts = this.#byId.get(id)?.facts;
      return facts !== undefined && isOfStream(facts, { app, name });
    };
    const ids = this.#idsOf({ app, name });
    const oldest = this.#byId.get(ids.find(isAsked) ?? '')?.facts;
    const newest = this.#byId.get(ids.findLast(isAsked) ?? '')?.facts;
    return oldest && newest && { first: oldest.start, last: newest.end ?? newest.start };
  }

  /** Recordings in progress. */
  get open(): readonly CatalogueEntry[] {
    return [...this.#open].flatMap((id) => this.#byId.get(id) ?? []);
  }

  /** Ids among which the recordings of a query are, ascending. */
  #idsOf({ app, name }: Pick<RecordingListQuery, 'app' | 'name'>): readonly string[] {
    if (app === undefined || name === undefined) return this.#ids;
    return this.#byStream.get(keyOf({ app, name })) ?? [];
  }
}

function keyOf({ app, name }: Pick<RecordingFacts, 'app' | 'name'>): string {
  return `${app}/${name}`;
}

/** Both lists are in ascending order, and so is the result. It may be the first list. */
function merged(ids: string[], added: readonly string[]): string[] {
  const [first] = added;
  if (first === undefined) return ids;
  if (added.length === 1) {
    ids.splice(indexOf(ids, first), 0, first);
    return ids;
  }
  const all = added.concat(ids);
  // At start the newest are read first, so everything that is added is older than the rest.
  return (added.at(-1) ?? '') < (ids[0] ?? '~') ? all : all.sort();
}

/** The first index whose id is equal or greater. */
function indexOf(ids: readonly string[], id: string): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ids[middle] ?? '') < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isOfStream(facts: RecordingFacts, { app, name }: Pick<RecordingListQuery, 'app' | 'name'>): boolean {
  return (app === undefined || facts.app === app) && (name === undefined || facts.name === name);
}
