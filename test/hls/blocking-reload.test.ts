// Delivery directives: which are malformed, too far ahead, or already satisfied, and how waiting ends.
import { describe, expect, it } from 'vitest';
import {
  checkAdvance,
  isSatisfied,
  type PlaylistPosition,
  parseDirective,
  Waiters,
} from '../../src/hls/window/blocking-reload.js';
import { SluiceError } from '../../src/protocols/errors.js';
import { ManualClock } from '../support/manual-clock.js';

/** Segments 10..14 are complete with 5 parts each (9 and earlier ones have left the playlist); 15 has two parts so far. */
const position: PlaylistPosition = {
  lastMediaSequence: 14,
  openParts: 2,
  partsOf: (msn) => (msn >= 10 && msn <= 14 ? 5 : undefined),
};

describe('parseDirective', () => {
  it('B3.04 refuses a part without a segment and anything but decimal integers', () => {
    const malformed: [string | undefined, string | undefined][] = [
      [undefined, '0'],
      ['', undefined],
      ['-1', undefined],
      ['1.5', undefined],
      ['1e3', undefined],
      ['0x10', undefined],
      [' 1', undefined],
      ['9007199254740992', undefined],
      ['99999999999999999999', undefined],
      ['1', '-1'],
      ['1', 'x'],
      ['1', ''],
    ];
    for (const [msn, part] of malformed) {
      const result = parseDirective(msn, part);
      expect(result, `${msn} ${part}`).toBeInstanceOf(SluiceError);
      expect(result).toMatchObject({ code: 'hls.directive', kind: 'invalid-data' });
    }
    expect(parseDirective(undefined, undefined)).toBeUndefined();
    expect(parseDirective('15', undefined)).toEqual({ msn: 15, part: undefined });
    expect(parseDirective('9007199254740991', '007')).toEqual({ msn: Number.MAX_SAFE_INTEGER, part: 7 });
  });
});

describe('isSatisfied', () => {
  it.each([
    { msn: 14, part: undefined, there: true },
    { msn: 3, part: undefined, there: true, name: 'B3.06 left the window' },
    { msn: 3, part: 9, there: true, name: 'B3.06 left the window' },
    { msn: 15, part: undefined, there: false },
    { msn: 15, part: 0, there: true },
    { msn: 15, part: 1, there: true },
    { msn: 15, part: 2, there: false },
    { msn: 16, part: 0, there: false },
    { msn: 14, part: 4, there: true },
    { msn: 14, part: 5, there: true, name: 'B3.09 part 0 of the next is there' },
    { msn: 12, part: 50, there: true, name: 'B3.09' },
  ])('msn $msn part $part: $there $name', ({ msn, part, there }) => {
    expect(isSatisfied({ msn, part }, position)).toBe(there);
  });

  it('B3.09 one part beyond the last of the newest segment waits for part 0 of the next', () => {
    const closed = { ...position, openParts: 0 };
    expect(isSatisfied({ msn: 14, part: 4 }, closed)).toBe(true);
    expect(isSatisfied({ msn: 14, part: 5 }, closed)).toBe(false);
    expect(isSatisfied({ msn: 14, part: undefined }, closed)).toBe(true);
  });
});

describe('checkAdvance', () => {
  it.each([
    { msn: 16, part: undefined, ok: true },
    { msn: 17, part: undefined, ok: false },
    { msn: 17, part: 0, ok: false },
    { msn: 15, part: 7, ok: true },
    { msn: 15, part: 8, ok: false },
    { msn: 16, part: 0, ok: true },
    { msn: 16, part: 5, ok: true },
    { msn: 16, part: 6, ok: false },
    { msn: 3, part: 1000, ok: true },
  ])('B3.05 msn $msn part $part with PART-TARGET 0.56: $ok', ({ msn, part, ok }) => {
    expect(checkAdvance({ msn, part }, position, 0.56)?.code).toBe(ok ? undefined : 'hls.directive-too-far');
  });
});

describe('Waiters', () => {
  it('B3.07 checks a condition once for all requests that wait for it, and wakes them in order', async () => {
    const waiters = new Waiters(new ManualClock());
    let ready = false;
    let looks = 0;
    const isReady = (): boolean => {
      looks += 1;
      return ready;
    };
    const order: number[] = [];
    const all = Array.from({ length: 1000 }, (_, i) => waiters.wait('a', isReady, 1000).then(() => order.push(i)));
    looks = 0;
    waiters.wake();
    expect(looks).toBe(1);
    expect(waiters.size).toBe(1000);
    ready = true;
    waiters.wake();
    expect(waiters.size).toBe(0);
    await Promise.all(all);
    expect(order).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  it('B3.08 a time limit ends the wait', async () => {
    const clock = new ManualClock();
    const waiters = new Waiters(clock);
    const outcome = waiters.wait('a', () => false, 6000);
    clock.advance(5999);
    expect(waiters.size).toBe(1);
    clock.advance(1);
    expect(await outcome).toBe('timeout');
    expect(waiters.size).toBe(0);
  });

  it('C4.06 a client that leaves frees its place, timer and listener at once', async () => {
    const clock = new ManualClock();
    const waiters = new Waiters(clock);
    for (let i = 0; i < 10_000; i += 1) {
      const client = new AbortController();
      const outcome = waiters.wait('a', () => false, 6000, client.signal);
      client.abort();
      expect(await outcome).toBe('abandoned');
    }
    expect(waiters.size).toBe(0);
    expect(clock.pending).toHaveLength(0);
    const gone = new AbortController();
    gone.abort();
    expect(await waiters.wait('a', () => false, 6000, gone.signal)).toBe('abandoned');
  });

  it('C4.06 refuses requests beyond its limit', async () => {
    const waiters = new Waiters(new ManualClock(), 2);
    void waiters.wait('a', () => false, 6000);
    void waiters.wait('b', () => false, 6000);
    expect(await waiters.wait('a', () => false, 6000)).toBe('refused');
    expect(await waiters.wait('a', () => true, 6000)).toBe('ready');
  });
});
