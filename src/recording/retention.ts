// Decides which recordings expire: the oldest first, never one that is pinned or in progress. A pure function.

import type { EpochMilliseconds, Seconds } from '../protocols/units.js';
import type { CatalogueEntry } from './catalogue.js';
import { isOpen } from './recording-facts.js';

export interface RetentionRules {
  /** Recordings that ended longer ago than this expire; undefined: no limit. */
  readonly keepFor: Seconds | undefined;
  /** Limit of all recordings together; undefined: no limit. */
  readonly keepBytes: number | undefined;
  /** Limit of all recordings of one stream; undefined: no limit. */
  readonly keepStreamBytes: number | undefined;
  /** Limit of the finished recordings of one stream, and of its clips; undefined: no limit. */
  readonly keepCount: number | undefined;
}

/**
 * @param entries all recordings, the oldest first
 * @param missing bytes to free even if no limit is exceeded, because the disk is full
 * @returns what to remove
 */
export function expired(
  entries: readonly CatalogueEntry[],
  { keepFor, keepBytes, keepStreamBytes, keepCount }: RetentionRules,
  now: EpochMilliseconds,
  missing = 0,
): CatalogueEntry[] {
  const leaving = new Set<CatalogueEntry>();
  const removable = entries.filter(isRemovable);
  if (keepFor !== undefined) {
    for (const entry of removable) {
      if (beginOfAge(entry) + keepFor * 1000 < now) leaving.add(entry);
    }
  }
  if (keepCount !== undefined) {
    const kept = new Map<string, number>();
    // Pinned recordings do not count: pinning one must not remove another.
    for (const entry of [...removable].reverse()) {
      // Whoever makes clips must not lose recordings by it.
      const stream = `${streamOf(entry)}${entry.facts.clip === undefined ? '' : ' clips'}`;
      const count = (kept.get(stream) ?? 0) + 1;
      kept.set(stream, count);
      if (count > keepCount) leaving.add(entry);
    }
  }
  if (keepStreamBytes !== undefined) {
    const streams = new Map<string, CatalogueEntry[]>();
    for (const entry of entries) {
      const ofStream = streams.get(streamOf(entry));
      if (ofStream === undefined) streams.set(streamOf(entry), [entry]);
      else ofStream.push(entry);
    }
    for (const ofStream of streams.values()) {
      removeOldest(ofStream.filter(isRemovable), leaving, bytesOf(ofStream, leaving) - keepStreamBytes);
    }
  }
  const freed = [...leaving].reduce((sum, { facts }) => sum + facts.bytes, 0);
  const over = keepBytes === undefined ? 0 : bytesOf(entries, leaving) - keepBytes;
  removeOldest(removable, leaving, Math.max(over, missing - freed));
  return [...leaving];
}

export function isRemovable({ facts }: CatalogueEntry): boolean {
  return !facts.pinned && !isOpen(facts);
}

function streamOf({ facts: { app, name } }: CatalogueEntry): string {
  return `${app}/${name}`;
}

/** A clip of an old recording is new. */
function beginOfAge({ facts: { clip, end, start } }: CatalogueEntry): EpochMilliseconds {
  return clip?.madeAt ?? end ?? start;
}

function bytesOf(entries: readonly CatalogueEntry[], leaving: ReadonlySet<CatalogueEntry>): number {
  return entries.reduce((sum, entry) => sum + (leaving.has(entry) ? 0 : entry.facts.bytes), 0);
}

/**
 * The clips of viewers go first, because viewers must not push out recordings.
 * @param bytes how much has to go
 */
function removeOldest(removable: readonly CatalogueEntry[], leaving: Set<CatalogueEntry>, bytes: number): void {
  if (bytes <= 0) return;
  let left = bytes;
  const isOfViewer = ({ facts }: CatalogueEntry): boolean => facts.clip?.by === 'viewer';
  const others = removable.filter((entry) => !isOfViewer(entry));
  for (const entry of [...removable.filter(isOfViewer), ...others]) {
    if (left <= 0) return;
    if (leaving.has(entry)) continue;
    leaving.add(entry);
    left -= entry.facts.bytes;
  }
}
