// A list of IP addresses and CIDR blocks. An IPv4-mapped IPv6 address is the IPv4 address (RFC 4291 section 2.5.5.2).

import { BlockList, isIP } from 'node:net';
import { plainAddress } from '../../protocols/address-group.js';

export class AddressList {
  readonly #list = new BlockList();

  /** @throws {RangeError} for an entry that is neither an address nor a block; see {@link isAddressOrBlock} */
  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      if (!isAddressOrBlock(entry)) throw new RangeError(`got "${entry}", expected an IP address or CIDR block`);
      const [address = '', prefix] = entry.split('/');
      const family = isIP(plainAddress(address)) === 6 ? 'ipv6' : 'ipv4';
      if (prefix === undefined) this.#list.addAddress(plainAddress(address), family);
      else this.#list.addSubnet(address, Number(prefix), family);
    }
  }

  has(address: string): boolean {
    const plain = plainAddress(address);
    const family = isIP(plain);
    return family !== 0 && this.#list.check(plain, family === 6 ? 'ipv6' : 'ipv4');
  }
}

export function isAddressOrBlock(entry: string): boolean {
  const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry);
  const [, address = '', prefix] = match ?? [];
  const family = isIP(prefix === undefined ? plainAddress(address) : address);
  return family !== 0 && (prefix === undefined || Number(prefix) <= (family === 6 ? 128 : 32));
}
