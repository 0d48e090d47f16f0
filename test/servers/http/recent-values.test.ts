// What clients send is remembered in bounded memory.
import { expect, it } from 'vitest';
import { RecentValues } from '../../../src/protocols/recent-values.js';
import { ClientAddresses } from '../../../src/servers/http/client-address.js';
import { heapInUse } from '../../support/collect-garbage.js';

it('ignores everything to the left of an invalid entry in X-Forwarded-For', () => {
  const addresses = new ClientAddresses(['127.0.0.1', '10.0.0.0/8']);
  for (const nonsense of ['unknown', '', '1.2.3', '203.0.113.7:80', '[2001:db8::1]', '_hidden', 'for=192.0.2.1']) {
    expect(addresses.of('127.0.0.1', `192.0.2.99, ${nonsense}, 10.0.0.1`), nonsense).toBe('10.0.0.1');
    expect(addresses.of('127.0.0.1', `192.0.2.99, ${nonsense}`), nonsense).toBe('127.0.0.1');
  }
  expect(addresses.of('127.0.0.1', '192.0.2.99, 192.0.2.1, 10.0.0.1')).toBe('192.0.2.1');
  expect(addresses.of('192.0.2.5', '192.0.2.99')).toBe('192.0.2.5');
});

it('keeps a bounded number of values, and drops only the oldest', () => {
  const values = new RecentValues<number>({ entries: 3, keyLength: 2 });
  for (const [index, key] of ['a', 'b', 'c', 'd'].entries()) values.keep(key, index);
  expect([values.get('a'), values.get('b'), values.get('c'), values.get('d')]).toEqual([undefined, 1, 2, 3]);
  expect(values.size).toBe(3);
});

it('does not keep long keys', () => {
  const values = new RecentValues<number>({ entries: 3, keyLength: 2 });
  values.keep('abc', 1);
  expect(values.size).toBe(0);
});

it.each([
  ['an address', (i: number) => `${'x'.repeat(14_000)},198.151.${100 + (i >> 7)}.${100 + (i & 127)}`],
  ['an address with a zone of any length', (i: number) => `fe80::${i.toString(16)}%${'z'.repeat(14_000)}`],
])('does not keep the X-Forwarded-For header that contains %s', (_, forwarded) => {
  const addresses = new ClientAddresses(['127.0.0.1']);
  const before = heapInUse();
  for (let i = 0; i < 2_000; i++) {
    // A string of its own, like a header from the parser.
    addresses.of('127.0.0.1', Buffer.from(forwarded(i), 'latin1').toString('latin1'));
  }
  // The headers alone are 28 MB.
  expect(heapInUse() - before).toBeLessThan(3_000_000);
});
