// The log of a stream's events: numbers, readers who come back, and what is kept for them.
import { describe, expect, it } from 'vitest';
import type { LoggedEvent } from '../../src/contracts/timed-event.js';
import { EventBudget } from '../../src/data/event-budget.js';
import { EventLog } from '../../src/data/event-log.js';

const EVENT = { name: 'score', values: { home: 1 }, mediaTime: 12.5, date: Date.UTC(2026, 10, 28) };

describe('the events of a stream', () => {
  it('have numbers that increase, also over a restart', () => {
    const log = new EventLog(() => 0, 1_000);
    const numbers = [1, 2, 3].map(() => log.add(EVENT).event.seq);
    expect(numbers).toEqual([1_001, 1_002, 1_003]);
    expect(new EventLog(() => 0, 5_000).add(EVENT).event.seq).toBe(5_001);
  });

  it('have one text for all readers, with the date in ISO 8601', () => {
    const log = new EventLog(() => 0, 0);
    const got: LoggedEvent[] = [];
    for (const _ of [1, 2]) log.read({ onEvent: (logged) => got.push(logged), onEnd: () => undefined });
    log.add(EVENT);
    expect(got[0]).toBe(got[1]);
    expect(JSON.parse(got[0]?.text ?? '')).toEqual({ seq: 1, ...EVENT, date: '2026-11-28T00:00:00.000Z' });
  });

  it('come again to a reader who says which one it has, but not if that number was never given', () => {
    const log = new EventLog(() => 0, 0);
    for (let i = 0; i < 5; i += 1) log.add(EVENT);
    expect(log.since(3).map(({ event }) => event.seq)).toEqual([4, 5]);
    expect(log.since(99)).toEqual([]);
  });

  it('are kept for a minute, at most a thousand, and at most a megabyte', () => {
    let now = 0;
    const log = new EventLog(() => now, 0);
    for (let i = 0; i < 1_500; i += 1) log.add(EVENT);
    expect(log.since(0)).toHaveLength(1_000);
    now = 60_001;
    expect(log.since(0)).toEqual([]);
    for (let i = 0; i < 100; i += 1) log.add({ ...EVENT, values: 'x'.repeat(100_000) });
    const kept = log.since(0).reduce((sum, { text }) => sum + text.length, 0);
    expect(kept).toBeLessThanOrEqual(1024 * 1024);
    expect(kept).toBeGreaterThan(900_000);
  });

  it('end once for each reader, and a reader who has left gets none', () => {
    const log = new EventLog(() => 0, 0);
    let ends = 0;
    const leave = log.read({ onEvent: () => expect.unreachable(), onEnd: () => expect.unreachable() });
    log.read({
      onEvent: () => undefined,
      onEnd: () => {
        ends += 1;
      },
    });
    leave();
    log.add(EVENT);
    log.end();
    log.end();
    expect(ends).toBe(1);
    expect(log.readers).toBe(0);
  });

  it('are limited to 20 per second, in bursts of 40', () => {
    let now = 0;
    const budget = new EventBudget(() => now);
    for (let i = 0; i < 40; i += 1) budget.take();
    expect(() => budget.take()).toThrow(expect.objectContaining({ code: 'data.event-rate' }));
    now = 1_000;
    for (let i = 0; i < 20; i += 1) budget.take();
    expect(() => budget.take()).toThrow('20 events per second');
  });
});
