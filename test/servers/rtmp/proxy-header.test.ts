// The PROXY protocol header: the examples of its specification, cut anywhere, and invalid headers.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_PROXY_HEADER, readProxyHeader } from '../../../src/servers/rtmp/proxy-header.js';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const binary = (hex: string): Buffer => Buffer.from(SIGNATURE + hex.replaceAll(' ', ''), 'hex');

/** Name, header, address. */
const VECTORS: readonly (readonly [name: string, header: Buffer, address: string | undefined])[] = [
  ['version 1, IPv4', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 56324 1935\r\n'), '192.0.2.7'],
  ['version 1, IPv6', Buffer.from('PROXY TCP6 2001:db8::7 2001:db8::1 56324 1935\r\n'), '2001:db8::7'],
  ['version 1, unknown', Buffer.from('PROXY UNKNOWN\r\n'), undefined],
  ['version 1, unknown with addresses', Buffer.from('PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n'), undefined],
  ['version 2, IPv4', binary('21 11 000c c0000207 c6336401 dc04 078f'), '192.0.2.7'],
  ['version 2, IPv4, with more', binary('21 11 0013 c0000207 c6336401 dc04 078f 04 0004 00000000'), '192.0.2.7'],
  [
    'version 2, IPv6',
    binary('21 21 0024 20010db8000000000000000000000007 20010db8000000000000000000000001 dc04 078f'),
    '2001:db8:0:0:0:0:0:7',
  ],
  ['version 2, of the proxy itself', binary('20 00 0000'), undefined],
  ['version 2, a UNIX socket', binary(`21 31 00d8 ${'00'.repeat(216)}`), undefined],
];

const WRONG: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['RTMP', Buffer.from([3, 0, 0, 0])],
  ['TLS', Buffer.from([0x16, 3, 1])],
  ['a host name', Buffer.from('PROXY TCP4 example.com 198.51.100.1 1 2\r\n')],
  ['another family', Buffer.from('PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n')],
  ['no ports', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1\r\n')],
  ['a line without an end', Buffer.from(`PROXY ${'x'.repeat(200)}`)],
  ['another version', binary('31 11 000c c0000207 c6336401 dc04 078f')],
  ['addresses that are cut off', binary('21 11 0004 c0000207')],
  ['a huge body', binary('21 11 ffff')],
];

describe('a PROXY protocol header', () => {
  it.each(VECTORS)('is read: %s', (_, header, address) => {
    const followed = Buffer.concat([header, Buffer.from([3, 1, 2, 3])]);
    expect(readProxyHeader(followed)).toEqual({ address, length: header.length });
    for (let length = 0; length < header.length; length++) {
      expect(readProxyHeader(header.subarray(0, length))).toBeUndefined();
    }
  });

  it.each(WRONG)('is refused: %s', (_, bytes) => {
    expect(readProxyHeader(bytes)).toHaveProperty('fault');
  });

  it('is complete or refused within its maximum size, for any input', () => {
    const start = fc.constantFrom(Buffer.from('PROXY TCP4 '), binary('21 11'), binary('20'), Buffer.alloc(0));
    fc.assert(
      fc.property(start, fc.uint8Array({ minLength: 2_100, maxLength: 2_200 }), (first, random) => {
        const header = readProxyHeader(Buffer.concat([first, random])) ?? {};
        if ('length' in header) expect(header.length).toBeLessThanOrEqual(MAX_PROXY_HEADER);
        else expect(header).toHaveProperty('fault');
      }),
    );
  });
});
