// Decides which recordings expire: the oldest first, never one that is pinned or in progress. A pure function.

import type { EpochMilliseconds, Seconds } from '../protocols/units.js';
import type { CatalogueEntry } from './catalogue.js';
import { isOpen } from './recording-facts.js';

export interface RetentionRules {
  /** Recordings that ended longer ago than this expire; undefined: no limit. */
  readonly keepFor: Seconds | undefined;
  /** Limit of all recordings together; undefined: no limit. */
  readonly keepBytes: number | undefined;
  /** Limit of the finished recordings of one stream; undefined: no limit. */
  readonly keepCount: number | undefined;
}

/**
 * @param entries all recordings, the oldest first
 * @param missing bytes to free even if no limit is exceeded, because the disk is full
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
    // Pinned recordings do not count: pinning one must not remove another.
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
