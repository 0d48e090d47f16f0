// Viewers are counted in bounded memory, whatever they send.
import { describe, expect, it } from 'vitest';
import { fingerprint, Viewers } from '../../../src/servers/http/delivery/viewers.js';
import { heapInUse } from '../../support/collect-garbage.js';

describe('viewers', () => {
  it('counts each pair of address and User-Agent once, while it has been seen recently', () => {
    let now = 0;
    const viewers = new Viewers(() => now);
    viewers.saw('live', 'a', '192.0.2.1', 'x');
    viewers.saw('live', 'a', '192.0.2.1', 'x');
    viewers.saw('live', 'a', '192.0.2.1', 'y');
    viewers.saw('live', 'a', undefined, 'x');
    viewers.saw('live', 'b', '192.0.2.1', 'x');
    expect([viewers.count('live', 'a'), viewers.count('live', 'b')]).toEqual([3, 1]);
    now = 10_000;
    viewers.saw('live', 'a', '192.0.2.1', 'y');
    now = 15_000;
    expect([viewers.count('live', 'a'), viewers.count('live', 'b')]).toEqual([1, 0]);
    now = 25_000;
    expect(viewers.count('live', 'a')).toBe(0);
    expect(viewers.remembered).toBe(0);
  });

  it('remembers a bounded number for all streams together, and drops the one seen longest ago', () => {
    let now = 0;
    const viewers = new Viewers(() => now++, 100);
    viewers.saw('live', 'a', '192.0.2.1', 'first');
    viewers.saw('live', 'b', '192.0.2.1', 'second');
    now += 2_000;
    viewers.saw('live', 'a', '192.0.2.1', 'first');
    for (let i = 0; i < 99; i++) viewers.saw('live', 'c', '192.0.2.2', `made up ${i}`);
    expect(viewers.remembered).toBe(100);
    expect(viewers.count('live', 'a')).toBe(1);
    expect(viewers.count('live', 'b')).toBe(0);
    expect(viewers.count('live', 'c')).toBe(99);
  });

  it('is bounded by default', () => {
    const viewers = new Viewers(() => 0);
    for (let i = 0; i < 100_010; i++) viewers.saw('live', 'a', '192.0.2.1', `${i}`);
    expect(viewers.remembered).toBe(100_000);
  });

  it('does not keep a long User-Agent', () => {
    const viewers = new Viewers();
    const before = heapInUse();
    for (let i = 0; i < 3_000; i++) {
      // A string of its own, like a header from the parser.
      viewers.saw('live', 'a', '192.0.2.1', Buffer.alloc(14_000, `${i} `).toString('latin1'));
    }
    // The texts alone are 42 MB.
    expect(heapInUse() - before).toBeLessThan(4_000_000);
    expect(viewers.remembered).toBe(3_000);
  });
});

describe('fingerprint', () => {
  it('differs for similar texts', () => {
    const seen = new Set<number>();
    for (let i = 0; i < 200_000; i++) seen.add(fingerprint('live/demo', `192.0.${i >> 8}.${i & 255}`, 'Mozilla/5.0'));
    expect(seen.size).toBe(200_000);
    expect([...seen].every((number) => Number.isSafeInteger(number) && number >= 0)).toBe(true);
  });

  it('depends on where one text ends and the next begins', () => {
    expect(fingerprint('a', 'bc')).not.toBe(fingerprint('ab', 'c'));
    expect(fingerprint('a', '')).not.toBe(fingerprint('', 'a'));
    expect(fingerprint('a')).not.toBe(fingerprint('a', ''));
  });

  it('uses all bits', () => {
    const ones = Array(53).fill(0);
    for (let i = 0; i < 10_000; i++) {
      const bits = fingerprint(`viewer ${i}`).toString(2).padStart(53, '0');
      for (let bit = 0; bit < 53; bit++) if (bits[bit] === '1') ones[bit]++;
    }
    for (const count of ones) expect(Math.abs(count - 5_000)).toBeLessThan(300);
  });
});
