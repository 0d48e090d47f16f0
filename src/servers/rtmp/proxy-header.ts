// The header in which a TCP proxy sends the address of its client, before any byte of the client: PROXY protocol, versions 1 and 2
// (haproxy.org/download/3.0/doc/proxy-protocol.txt).

import { isIP } from 'node:net';

export interface ProxyHeader {
  /** Address of the client; undefined if the proxy itself connects, for instance to check that the server is up. */
  readonly address: string | undefined;
  /** Bytes of the header. */
  readonly length: number;
}

/** The bytes are not a valid header; `fault` says why. */
export interface NoProxyHeader {
  readonly fault: string;
}

/** Section 2.1: the longest line, with its line feed. */
const MAX_LINE = 107;
const LINE_START = Buffer.from('PROXY ');
/** Section 2.2. */
const SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const FIXED_BYTES = 16;
/** Limit of the addresses and the other fields, such as the TLS name; HAProxy sends less than 600 bytes. */
const MAX_BODY = 2_048;
export const MAX_PROXY_HEADER = FIXED_BYTES + MAX_BODY;

const LOCAL = 0x20;
const PROXY = 0x21;
const IPV4 = 1;
const IPV6 = 2;

/**
 * @param bytes the first ones of the connection
 * @returns undefined if more of them are needed
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | NoProxyHeader | undefined {
  if (startsLike(bytes, SIGNATURE)) return bytes.length < FIXED_BYTES ? undefined : readBinary(bytes);
  if (startsLike(bytes, LINE_START)) return readLine(bytes);
  return { fault: 'the first bytes are not a PROXY protocol header' };
}

function startsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.subarray(0, length).equals(start.subarray(0, length));
}

function readLine(bytes: Buffer): ProxyHeader | NoProxyHeader | undefined {
  const end = bytes.subarray(0, MAX_LINE).indexOf('\r\n');
  if (end === -1) {
    if (bytes.length < MAX_LINE) return undefined;
    return { fault: `the line is longer than ${MAX_LINE} bytes` };
  }
  const [, protocol, address = '', , ...ports] = bytes.toString('latin1', 0, end).split(' ');
  const length = end + 2;
  if (protocol === 'UNKNOWN') return { address: undefined, length };
  const family = protocol === 'TCP4' ? 4 : protocol === 'TCP6' ? 6 : undefined;
  if (family === undefined || isIP(address) !== family || ports.length !== 2) {
    return { fault: 'the line does not have the form of version 1' };
  }
  return { address, length };
}

function readBinary(bytes: Buffer): ProxyHeader | NoProxyHeader | undefined {
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13) >> 4;
  const body = bytes.readUInt16BE(14);
  if (command !== LOCAL && command !== PROXY) {
    return { fault: `got version and command 0x${command.toString(16)}` };
  }
  if (body > MAX_BODY) return { fault: `got ${body} bytes, expected at most ${MAX_BODY}` };
  const length = FIXED_BYTES + body;
  if (bytes.length < length) return undefined;
  if (command === LOCAL || (family !== IPV4 && family !== IPV6)) return { address: undefined, length };
  const size = family === IPV4 ? 4 : 16;
  // Source and destination, then their ports.
  if (body < 2 * size + 4) return { fault: 'the addresses are cut off' };
  const source = bytes.subarray(FIXED_BYTES, FIXED_BYTES + size);
  return { address: family === IPV4 ? source.join('.') : ipv6(source), length };
}

function ipv6(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(2 * group).toString(16)).join(':');
}
