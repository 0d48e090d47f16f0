// An encoder that lost its network comes back while its old connection still looks open; two publishers fight for one name.
import { describe, expect, it } from 'vitest';
import { StreamRegistry, type StreamRegistryOptions } from '../../src/live/registry.js';
import { audioHeader } from './media.js';

function setup({ wallClock = Date.now, ...options }: StreamRegistryOptions & { wallClock?: () => number } = {}) {
  const clock = { now: 0 };
  const registry = new StreamRegistry({
    takeoverAfter: 3_000,
    clock: { now: () => clock.now, wallClock },
    ...options,
  });
  const ends: string[] = [];
  registry.on({ onEnd: (stream, reason) => ends.push(`${stream.startedAt} ${reason?.code}`) });
  return { clock, registry, ends };
}

const taken = expect.objectContaining({ code: 'live.name-taken' });

describe('takeover of a name', () => {
  it('A8.02 gives the name of a silent holder to the newcomer at once, and notifies the holder', () => {
    let wall = 0;
    const { clock, registry, ends } = setup({ wallClock: () => (wall += 1) });
    const holder = registry.claim('live', 'a');
    const kicks: string[] = [];
    holder.onKick((reason) => {
      kicks.push(reason.code);
      // A server does this: the end of the connection ends the stream once more.
      holder.end(reason);
    });
    clock.now = 1_000;
    holder.publish('audio', 0, audioHeader());
    clock.now = 3_999;
    expect(() => registry.claim('live', 'a')).toThrow(taken);
    expect(kicks).toEqual([]);
    clock.now = 4_000;
    const newcomer = registry.claim('live', 'a', { timelineOrigin: 50_000 });
    expect(kicks).toEqual(['live.taken-over']);
    expect(ends).toEqual(['1 live.taken-over']);
    expect(registry.get('live', 'a')).toBe(newcomer);
    expect(newcomer.timelineOrigin).toBe(50_000);
    expect(() => holder.publish('audio', 0, audioHeader())).toThrow(expect.objectContaining({ code: 'live.ended' }));
    holder.end();
    newcomer.end();
    expect(ends).toEqual(['1 live.taken-over', '2 undefined']);
  });

  it('A8.02 counts a holder that never sent anything as silent since its claim', () => {
    const { clock, registry } = setup();
    const holder = registry.claim('live', 'a');
    clock.now = 3_000;
    expect(registry.claim('live', 'a')).not.toBe(holder);
    expect(holder.state).toBe('ended');
  });

  it('A8.03 refuses a newcomer while the holder sends, without notifying the holder', () => {
    const { clock, registry, ends } = setup();
    const holder = registry.claim('live', 'a');
    for (clock.now = 0; clock.now < 20_000; clock.now += 1_000) {
      holder.publish('audio', 0, audioHeader());
      expect(() => registry.claim('live', 'a')).toThrow(taken);
    }
    expect(ends).toEqual([]);
    expect(registry.get('live', 'a')).toBe(holder);
  });

  it('A8.03 lets the newest publisher win if the policy says so', () => {
    const { registry, ends } = setup({ conflict: 'override' });
    const streams = [1, 2, 3].map(() => registry.claim('live', 'a'));
    expect(streams.map(({ state }) => state)).toEqual(['ended', 'ended', 'waiting']);
    expect(ends).toHaveLength(2);
  });

  it('A8.03 lets only one of two racing newcomers publish', () => {
    const { clock, registry, ends } = setup();
    registry.claim('live', 'a');
    clock.now = 5_000;
    const first = registry.claim('live', 'a');
    expect(() => registry.claim('live', 'a')).toThrow(taken);
    expect(first.state).toBe('waiting');
    expect(ends).toHaveLength(1);
  });

  it('A8.03 a newcomer that claims the name while the old stream ends keeps it', () => {
    const { clock, registry } = setup();
    registry.claim('live', 'a');
    let inner: unknown;
    registry.on({ onEnd: () => (inner ??= registry.claim('live', 'a')) });
    clock.now = 5_000;
    expect(() => registry.claim('live', 'a')).toThrow(taken);
    expect(registry.get('live', 'a')).toBe(inner);
  });

  it('A8.02 releases the name even if a kick listener fails', () => {
    const { clock, registry, ends } = setup();
    const holder = registry.claim('live', 'a');
    holder.onKick(() => {
      throw new Error('socket is gone');
    });
    clock.now = 5_000;
    expect(() => registry.claim('live', 'a')).toThrow('socket is gone');
    expect(ends).toHaveLength(1);
    expect(registry.claim('live', 'a').state).toBe('waiting');
  });

  it('notifies a listener that is added after the kick', () => {
    const { clock, registry } = setup();
    const holder = registry.claim('live', 'a');
    clock.now = 5_000;
    registry.claim('live', 'a');
    const codes: string[] = [];
    holder.onKick(({ code }) => codes.push(code));
    expect(codes).toEqual(['live.taken-over']);
  });
});
