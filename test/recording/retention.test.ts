// Which recordings expire: rules for any set of recordings, and the catalogue that lists them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Catalogue, type CatalogueEntry } from '../../src/recording/catalogue.js';
import { newRecordingId } from '../../src/recording/recording-id.js';
import { expired, type RetentionRules } from '../../src/recording/retention.js';

const NOW = Date.parse('2026-11-28T12:00:00Z');

const entries = fc
  .array(
    fc.record({
      ago: fc.integer({ min: 0, max: 100_000 }),
      name: fc.constantFrom('one', 'two', 'three'),
      pinned: fc.boolean(),
      state: fc.constantFrom('recording' as const, 'paused' as const, 'finished' as const, 'interrupted' as const),
      bytes: fc.nat(1000),
    }),
    { maxLength: 40 },
  )
  .map((made) =>
    made
      .sort((a, b) => b.ago - a.ago)
      .map(({ ago, ...rest }): CatalogueEntry => {
        const start = NOW - ago * 1000;
        const facts = { version: 1 as const, id: newRecordingId(start), app: 'live', start, end: start, duration: 0 };
        return { directory: '/', facts: { ...facts, renditions: [], gaps: [], ...rest } };
      }),
  );

const optional = (max: number) => fc.option(fc.integer({ min: 1, max }), { nil: undefined });
const rules = fc.record({
  keepFor: optional(100_000),
  keepBytes: optional(20_000),
  keepStreamBytes: optional(8_000),
  keepCount: optional(5),
});

const sum = (list: Iterable<CatalogueEntry>): number => [...list].reduce((bytes, { facts }) => bytes + facts.bytes, 0);

const isRemovable = ({ facts }: CatalogueEntry): boolean =>
  !facts.pinned && (facts.state === 'finished' || facts.state === 'interrupted');

describe('retention', () => {
  it('G1.09 never removes pinned recordings or those in progress, and leaves none that breaks a rule', () => {
    fc.assert(
      fc.property(entries, rules, fc.nat(3000), (all, kept, missing) => {
        const leaving = new Set(expired(all, kept, NOW, missing));
        const rest = all.filter((entry) => !leaving.has(entry));
        for (const entry of leaving) expect(isRemovable(entry)).toBe(true);
        const removable = rest.filter(isRemovable);
        const { keepFor, keepBytes, keepCount } = kept;
        if (keepFor !== undefined)
          for (const { facts } of removable) expect(facts.start).toBeGreaterThanOrEqual(NOW - keepFor * 1000);
        for (const name of ['one', 'two', 'three']) {
          const count = removable.filter(({ facts }) => facts.name === name).length;
          expect(count).toBeLessThanOrEqual(keepCount ?? Number.POSITIVE_INFINITY);
        }
        const ofStream = (name: string) => rest.filter(({ facts }) => facts.name === name);
        for (const name of ['one', 'two', 'three']) {
          if (ofStream(name).some(isRemovable))
            expect(sum(ofStream(name))).toBeLessThanOrEqual(kept.keepStreamBytes ?? Number.POSITIVE_INFINITY);
        }
        if (removable.length === 0) return;
        expect(sum(rest)).toBeLessThanOrEqual(keepBytes ?? Number.POSITIVE_INFINITY);
        expect(sum(leaving)).toBeGreaterThanOrEqual(missing);
      }),
    );
  });

  it('removes the oldest, and no more than necessary', () => {
    fc.assert(
      fc.property(entries, fc.integer({ min: 1, max: 20_000 }), (all, keepBytes) => {
        const leaving = expired(
          all,
          { keepFor: undefined, keepBytes, keepStreamBytes: undefined, keepCount: undefined },
          NOW,
        );
        const order = all.filter(isRemovable);
        expect(leaving).toEqual(order.slice(0, leaving.length));
        const total = all.reduce((bytes, { facts }) => bytes + facts.bytes, 0);
        const newest = leaving.at(-1);
        if (newest === undefined) return;
        const freed = leaving.reduce((bytes, { facts }) => bytes + facts.bytes, 0);
        expect(total - (freed - newest.facts.bytes)).toBeGreaterThan(keepBytes);
      }),
    );
  });
});

describe('retention of clips', () => {
  const entry = (
    id: string,
    days: number,
    clipDays?: number,
    by: 'operator' | 'viewer' = 'operator',
  ): CatalogueEntry => {
    const start = NOW - days * 86_400_000;
    const facts = { version: 1 as const, id, app: 'live', name: 'cam', start, end: start, duration: 1, bytes: 1 };
    const madeAt = NOW - (clipDays ?? 0) * 86_400_000;
    const clip = { from: start, to: start, skip: 0, cut: 0, madeAt, by };
    return {
      directory: '/',
      facts: {
        ...facts,
        ...{ pinned: false, state: 'finished', renditions: [], gaps: [], ...(clipDays !== undefined && { clip }) },
      },
    };
  };
  const none = { keepFor: undefined, keepBytes: undefined, keepStreamBytes: undefined, keepCount: undefined };

  it('counts from when they were made, and apart from recordings', () => {
    const all = [entry('a', 40), entry('b', 20), entry('c', 40, 1), entry('d', 40, 31)];
    const ids = (rules: Partial<RetentionRules>): string[] =>
      expired(all, { ...none, ...rules }, NOW).map(({ facts }) => facts.id);
    expect(ids({ keepFor: 30 * 86_400 }).sort()).toEqual(['a', 'd']);
    expect(ids({ keepCount: 1 }).sort()).toEqual(['a', 'c']);
  });

  it('of viewers removes them before any recording', () => {
    const all = [entry('a', 40), entry('b', 20, 1, 'viewer')];
    const ids = (rules: Partial<RetentionRules>, missing = 0): string[] =>
      expired(all, { ...none, ...rules }, NOW, missing).map(({ facts: { id } }) => id);
    expect(ids({ keepBytes: 1 })).toEqual(['b']);
    expect(ids({ keepStreamBytes: 1 })).toEqual(['b']);
    expect(ids({}, 1)).toEqual(['b']);
    expect(ids({}, 2)).toEqual(['b', 'a']);
  });
});

describe('the catalogue', () => {
  it('G1.12 lists the same recordings page by page as all at once, the newest first, for any query', () => {
    const query = fc.record({
      app: fc.constantFrom(undefined, 'live'),
      name: fc.option(fc.constantFrom('one', 'two'), { nil: undefined }),
      from: fc.option(fc.integer({ min: NOW - 100_000_000, max: NOW }), { nil: undefined }),
      to: fc.option(fc.integer({ min: NOW - 100_000_000, max: NOW }), { nil: undefined }),
    });
    fc.assert(
      fc.property(entries, query, fc.integer({ min: 1, max: 7 }), (all, asked, limit) => {
        const catalogue = new Catalogue();
        for (const entry of [...all].reverse()) catalogue.set(entry);
        const expected = all
          .map(({ facts }) => facts)
          .filter(({ name }) => asked.name === undefined || name === asked.name)
          .filter(({ start }) => start >= (asked.from ?? 0) && start < (asked.to ?? Number.POSITIVE_INFINITY))
          .sort((a, b) => (a.id < b.id ? 1 : -1));
        const found = [];
        for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
          const page = catalogue.list({ ...asked, cursor, limit });
          found.push(...page.recordings);
          cursor = page.cursor;
        }
        expect(found).toEqual(expected);
        expect(catalogue.totals()).toEqual({ count: all.length, bytes: sum(all) });
        expect(catalogue.open.length).toBe(all.filter(({ facts }) => /recording|paused/.test(facts.state)).length);
        const starts = all
          .filter(({ facts }) => facts.name === (asked.name ?? facts.name))
          .map(({ facts }) => facts.start);
        const bounds = catalogue.bounds(asked);
        expect(bounds?.first).toBe(starts.length === 0 ? undefined : Math.min(...starts));
        expect(bounds?.last).toBe(starts.length === 0 ? undefined : Math.max(...starts));
        for (const { facts } of all) catalogue.remove(facts.id);
        expect(catalogue.list({ limit: 1 })).toEqual({ recordings: [] });
      }),
    );
  });
});
