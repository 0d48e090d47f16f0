// Whether a target follows its server's request to continue at another address.

import { BlockList, isIP } from 'node:net';
import type { Logger } from '../contracts/logger.js';
import { SluiceError } from '../protocols/errors.js';
import { relayError } from './errors.js';
import { parseRtmpUrl, type RtmpUrl } from './rtmp-url.js';
import { type AllowedHosts, checkedTarget } from './target-definition.js';

const PRIVATE = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  PRIVATE.addSubnet(network, bits, 'ipv4');
}
for (const [network, bits] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  PRIVATE.addSubnet(network, bits, 'ipv6');
}

/**
 * The server may name another host, but neither a connection without TLS instead of one with TLS, nor a host that is not allowed, nor an
 * address of this machine or its network unless the target is there already.
 * @throws {SluiceError} `relay.url`, `relay.host`
 */
export function movedUrl(tcUrl: string, url: RtmpUrl, hosts: AllowedHosts): RtmpUrl {
  const text = `${tcUrl.replace(/#.*$/, '')}#${url.streamName}`;
  const moved = parseRtmpUrl(text);
  checkedTarget({ url: text }, hosts);
  if (url.secure && !moved.secure) throw relayError('relay.url', 'the server asked for a connection without TLS');
  if (isPrivateHost(moved.host) && !isPrivateHost(url.host)) {
    throw relayError('relay.host', 'the server asked for a connection to an address of a private network');
  }
  return { ...moved, ...(url.user && { user: url.user }) };
}

/** Names are not looked up, except the one that every machine has. Numbers in other forms than the usual one count as private. */
function isPrivateHost(host: string): boolean {
  const family = isIP(host);
  if (family !== 0) return PRIVATE.check(host, family === 6 ? 'ipv6' : 'ipv4');
  return (
    /(^|\.)localhost\.?$/.test(host) || /^(0x[0-9a-f]*|[0-9]+)$/.test(host.replace(/\.$/, '').split('.').at(-1) ?? '')
  );
}

/** The URL of the next connection; undefined, with a line in the log, to stay. */
export function followedMove(tcUrl: string, url: RtmpUrl, hosts: AllowedHosts, logger: Logger): RtmpUrl | undefined {
  try {
    return movedUrl(tcUrl, url, hosts);
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    logger.warn({ code: error.code }, `a push target does not follow its server's request to move: ${error.message}`);
    return undefined;
  }
}
