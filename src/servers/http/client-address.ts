// Finds the client address of a request: the forwarded one if the peer is a proxy that the operator trusts.

import { BlockList, isIP } from 'node:net';
import { plainAddress } from '../../protocols/address-group.js';
import { RecentValues } from '../../protocols/recent-values.js';

/** Cached addresses, about 2 MB. An address has at most 45 characters; a zone, which anybody could make longer, is not part of it. */
const KNOWN = { entries: 10_000, keyLength: 45 };

/** Reads `X-Forwarded-For` from the right, as long as the proxy that added the entry is trusted. */
export class ClientAddresses {
  readonly #trusted = new BlockList();
  /** Whether an address is trusted. Cached, because asking the BlockList takes longer than all other work for an answer. */
  readonly #known = new RecentValues<boolean>(KNOWN);

  /** @param trustedProxies IP addresses and CIDR blocks, checked by the configuration */
  constructor(trustedProxies: readonly string[]) {
    for (const entry of trustedProxies) {
      const [address = '', prefix] = entry.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (prefix === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(prefix), family);
    }
  }

  /**
   * @param peer address of the connection
   * @param forwardedFor the `X-Forwarded-For` header
   * @returns undefined if the peer is a trusted proxy that does not name its client
   */
  of(peer: string | undefined, forwardedFor: string | undefined): string | undefined {
    let address = plainAddress(peer ?? '');
    if (!this.#isTrusted(address)) return address;
    if (forwardedFor === undefined) return undefined;
    const hops = forwardedFor.split(',');
    for (let index = hops.length - 1; index >= 0; index--) {
      const hop = plainAddress((hops[index] ?? '').trim());
      // Not an address. No trusted proxy wrote the entries left of it.
      if (isIP(hop) === 0) return address;
      address = hop;
      if (!this.#isTrusted(address)) return address;
    }
    return address;
  }

  #isTrusted(address: string): boolean {
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const family = isIP(address);
    const trusted = family !== 0 && this.#trusted.check(address, family === 6 ? 'ipv6' : 'ipv4');
    // Copied, because a substring would keep the whole X-Forwarded-For header in memory.
    this.#known.keep(Buffer.from(address, 'latin1').toString('latin1'), trusted);
    return trusted;
  }
}
