// All recordings, sorted by id and therefore by time. The catalogue is kept in memory and read from the directories at start, so no index file can be
// lost or go stale.

import type { RecordingListQuery } from '../contracts/recordings.js';
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

export class Catalogue {
  readonly #byId = new Map<string, CatalogueEntry>();
  /** Ascending. */
  #ids: string[] = [];

  get(id: string): CatalogueEntry | undefined {
    return this.#byId.get(id);
  }

  set(entry: CatalogueEntry): void {
    const { id } = entry.facts;
    if (!this.#byId.has(id)) this.#ids.splice(this.#indexOf(id), 0, id);
    this.#byId.set(id, entry);
  }

  remove(id: string): void {
    if (this.#byId.delete(id)) this.#ids.splice(this.#indexOf(id), 1);
  }

  /** The oldest first. */
  *entries(): Generator<CatalogueEntry, void, undefined> {
    for (const id of [...this.#ids]) {
      const entry = this.#byId.get(id);
      if (entry !== undefined) yield entry;
    }
  }

  list({ app, name, from, to, cursor, limit }: RecordingListQuery): RecordingPage {
    const before = Math.min(
      cursor === undefined ? this.#ids.length : this.#indexOf(cursor),
      to === undefined ? this.#ids.length : this.#indexOf(timePrefix(to)),
    );
    const since = from === undefined ? 0 : this.#indexOf(timePrefix(from));
    const found: RecordingFacts[] = [];
    for (let index = before - 1; index >= since; index -= 1) {
      const facts = this.#byId.get(this.#ids[index] ?? '')?.facts;
      if (facts === undefined) continue;
      if ((app !== undefined && facts.app !== app) || (name !== undefined && facts.name !== name)) continue;
      if (found.length === limit) return { recordings: found, cursor: found.at(-1)?.id };
      found.push(facts);
    }
    return { recordings: found };
  }

  /** Of one stream, or of all. */
  totals(stream?: { readonly app: string; readonly name: string }): RecordingTotals {
    let count = 0;
    let bytes = 0;
    for (const { facts } of this.#byId.values()) {
      if (stream !== undefined && (facts.app !== stream.app || facts.name !== stream.name)) continue;
      count += 1;
      bytes += facts.bytes;
    }
    return { count, bytes };
  }

  /** Recordings in progress. */
  get open(): readonly CatalogueEntry[] {
    return [...this.#byId.values()].filter(({ facts }) => isOpen(facts));
  }

  /** The first index whose id is equal or greater. */
  #indexOf(id: string): number {
    let low = 0;
    let high = this.#ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ids[middle] ?? '') < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
