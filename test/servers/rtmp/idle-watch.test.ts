// When an idle peer gets a ping, and when it is given up.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { IdleWatch } from '../../../src/servers/rtmp/idle-watch.js';
import { strictDomain } from '../../support/failure-domain.js';

/** A watch with a test clock; `advance` runs its timers. */
function setUp() {
  const events: string[] = [];
  const started = performance.now();
  const at = (what: string): void => void events.push(`${what} ${performance.now() - started}`);
  const reading = { value: true };
  let lastSign = started;
  const touch = (): void => {
    lastSign = performance.now();
  };
  const watch = new IdleWatch({
    domain: strictDomain(),
    idleTimeout: 15_000,
    pingInterval: 5_000,
    idleFor: () => (reading.value ? performance.now() - lastSign : 0),
    onPing: () => at('ping'),
    onIdle: () => at('idle'),
  });
  return { events, watch, reading, touch, advance: (duration: number) => void vi.advanceTimersByTime(duration) };
}

describe('idle watch', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  it('A8.01 pings once, then gives up after the idle timeout', () => {
    const { events, advance } = setUp();
    advance(60_000);
    expect(events).toEqual(['ping 5000', 'idle 15000']);
  });

  it('A3.07 pings again each time the peer becomes idle, and never gives up one that answers', () => {
    const { events, touch, advance } = setUp();
    for (let i = 0; i < 60; i++) {
      advance(5_000);
      touch();
    }
    expect(events.length).toBeGreaterThanOrEqual(30);
    expect(events.join()).not.toContain('idle');
  });

  it('pings before it gives up, even when the process itself was blocked', () => {
    const { events, touch, advance } = setUp();
    advance(5_000);
    touch();
    // As if the event loop had been blocked: the clock has moved, the timer fires late.
    const now = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => now + 20_000);
    advance(5_000);
    expect(events).toHaveLength(2);
    expect(events[1]).toMatch(/^ping/);
  });

  it('does not count the time in which the peer is not read', () => {
    const { events, reading, touch, advance } = setUp();
    reading.value = false;
    advance(600_000);
    expect(events).toEqual([]);
    reading.value = true;
    touch();
    advance(15_000 + 5_000);
    expect(events.map((event) => event.split(' ')[0])).toEqual(['ping', 'idle']);
  });

  it('does nothing after stop', () => {
    const { events, watch, advance } = setUp();
    watch.stop();
    advance(60_000);
    expect(events).toEqual([]);
  });
});
