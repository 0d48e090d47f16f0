// Everything that one party holds counts together. Parties that hold nothing are forgotten, because attackers can use any number of addresses.
import { describe, expect, it } from 'vitest';
import { AddressTally } from '../../src/protocols/address-tally.js';

describe('address tally', () => {
  it('counts all addresses of an IPv6 network together, and IPv4 addresses separately', () => {
    const tally = new AddressTally();
    tally.add('2001:db8:1:2::1', 3);
    tally.add('2001:db8:1:2:ffff::', 4);
    tally.add('::ffff:192.0.2.1', 1);
    expect(tally.of('2001:db8:1:2::5')).toBe(7);
    expect(tally.of('2001:db8:1:3::1')).toBe(0);
    expect(tally.of('192.0.2.1')).toBe(1);
    expect(tally.of('192.0.2.2')).toBe(0);
    expect(tally.size).toBe(2);
  });

  it('drops parties that no longer hold anything', () => {
    const tally = new AddressTally();
    for (let i = 0; i < 1_000; i++) tally.add(`2001:db8:0:${i.toString(16)}::1`, 2);
    for (let i = 0; i < 1_000; i++) tally.add(`2001:db8:0:${i.toString(16)}::1`, -2);
    expect(tally.size).toBe(0);
  });
});
