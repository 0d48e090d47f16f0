// Finds the client of a request: behind a proxy it is the forwarded address, if the operator trusts that proxy.

import { BlockList, isIP } from 'node:net';
import { plainAddress } from '../../protocols/address-group.js';
import { RecentValues } from '../../protocols/recent-values.js';

/** Addresses remembered: some 2 MB. The longest way to write one has 45 characters, without the zone that anybody may add. */
const KNOWN = { entries: 10_000, keyLength: 45 };

/** Reads `X-Forwarded-For` from the right, as far as its writers are trusted. */
export class ClientAddresses {
  readonly #trusted = new BlockList();
  /** Looking into the list costs more than the rest of an answer, and the same addresses come again and again. */
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
   * @param peer address of the socket
   * @param forwardedFor the `X-Forwarded-For` header
   * @returns undefined for a trusted proxy that does not say whom it asks for
   */
  of(peer: string | undefined, forwardedFor: string | undefined): string | undefined {
    let address = plainAddress(peer ?? '');
    if (!this.#isTrusted(address)) return address;
    if (forwardedFor === undefined) return undefined;
    const hops = forwardedFor.split(',');
    for (let index = hops.length - 1; index >= 0; index--) {
      const hop = plainAddress((hops[index] ?? '').trim());
      // What stands left of nonsense was written by nobody we know.
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
    // Without the copy an address would keep the whole X-Forwarded-For that it was cut out of.
    this.#known.keep(Buffer.from(address, 'latin1').toString('latin1'), trusted);
    return trusted;
  }
}

export function isLoopback(peer: string): boolean {
  const address = plainAddress(peer);
  return address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}
