// Two publishers under one name, and names that are never released: both have broken servers.
import { describe, expect, it } from 'vitest';
import { StreamRegistry } from '../../src/live/registry.js';

describe('StreamRegistry', () => {
  it('gives a name to one publisher at a time, and releases it when the stream ends', () => {
    const registry = new StreamRegistry({ clock: { now: () => 0, wallClock: () => 1234 } });
    const stream = registry.claim('live', 'a');
    expect(stream).toMatchObject({ app: 'live', name: 'a', startedAt: 1234, state: 'waiting' });
    expect(registry.get('live', 'a')).toBe(stream);
    expect(() => registry.claim('live', 'a')).toThrow(expect.objectContaining({ code: 'live.name-taken' }));
    stream.end();
    expect(registry.get('live', 'a')).toBeUndefined();
    expect(registry.claim('live', 'a')).not.toBe(stream);
    // The old stream ends once more, late: the name stays with its new owner.
    stream.end();
    expect(registry.size).toBe(1);
  });

  it('A5.07 distinguishes names by case and by application', () => {
    const registry = new StreamRegistry();
    const streams = [registry.claim('live', 'a'), registry.claim('live', 'A'), registry.claim('live/a', 'a')];
    expect(registry.list()).toEqual(streams);
  });

  it('refuses more than its limit until one ends', () => {
    const registry = new StreamRegistry({ maxStreams: 2 });
    const first = registry.claim('live', 'a');
    registry.claim('live', 'b');
    expect(() => registry.claim('live', 'c')).toThrow(
      expect.objectContaining({ code: 'live.stream-limit', kind: 'limit' }),
    );
    first.end();
    expect(registry.claim('live', 'c').name).toBe('c');
  });

  it('A8.05 keeps nothing of a thousand publishers that have come and gone', () => {
    const registry = new StreamRegistry({ maxStreams: 1 });
    for (let round = 0; round < 1_000; round += 1) registry.claim('live', `name-${round}`).end();
    expect(registry.size).toBe(0);
  });

  it('A8.04 reports each start and end exactly once, and the name is free when the end is reported', () => {
    const registry = new StreamRegistry();
    const events: string[] = [];
    const remove = registry.on({
      onStart: (stream) => events.push(`start ${stream.name}`),
      onEnd: (stream) => {
        events.push(`end ${stream.name}`);
        if (stream.name === 'a' && events.length < 3) registry.claim('live', 'a').end();
      },
    });
    registry.claim('live', 'a').end();
    expect(events).toEqual(['start a', 'end a', 'start a', 'end a']);
    remove();
    registry.claim('live', 'b').end();
    expect(events).toHaveLength(4);
  });
});
