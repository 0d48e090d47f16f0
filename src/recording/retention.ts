// Decides which recordings have to go. Pure: the oldest first, never one that is pinned or still being made.

import type { EpochMilliseconds, Seconds } from '../protocols/units.js';
import type { CatalogueEntry } from './catalogue.js';
import { isOpen } from './recording-facts.js';

export interface RetentionRules {
  /** Longest time since the end of a recording; undefined: any. */
  readonly keepFor: Seconds | undefined;
  /** Of all recordings together; undefined: any. */
  readonly keepBytes: number | undefined;
  /** Finished recordings of one stream; undefined: any. */
  readonly keepCount: number | undefined;
}

/**
 * @param entries all recordings, the oldest first
 * @param missing bytes to free in any case, because the disk is full
 * @returns what to remove
 */
export function expired(
  entries: readonly CatalogueEntry[],
  { keepFor, keepBytes, keepCount }: RetentionRules,
  now: EpochMilliseconds,
  missing = 0,
): CatalogueEntry[] {
  const leaving = new Set<CatalogueEntry>();
  const removable = entries.filter(({ facts }) => !facts.pinned && !isOpen(facts));
  if (keepFor !== undefined) {
    for (const entry of removable) {
      if ((entry.facts.end ?? entry.facts.start) + keepFor * 1000 < now) leaving.add(entry);
    }
  }
  if (keepCount !== undefined) {
    const kept = new Map<string, number>();
    // Pinned ones do not count: whoever pins one does not want to lose another for it.
    for (const entry of [...removable].reverse()) {
      const stream = `${entry.facts.app}/${entry.facts.name}`;
      const count = (kept.get(stream) ?? 0) + 1;
      kept.set(stream, count);
      if (count > keepCount) leaving.add(entry);
    }
  }
  const total = entries.reduce((sum, entry) => sum + (leaving.has(entry) ? 0 : entry.facts.bytes), 0);
  const freed = [...leaving].reduce((sum, { facts }) => sum + facts.bytes, 0);
  let over = Math.max(keepBytes === undefined ? 0 : total - keepBytes, missing - freed);
  for (const entry of removable) {
    if (over <= 0) break;
    if (leaving.has(entry)) continue;
    leaving.add(entry);
    over -= entry.facts.bytes;
  }
  return [...leaving];
}
