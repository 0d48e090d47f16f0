// Who is let in, and how addresses are counted: src/access, src/protocols, src/servers/rtmp.
import type { Mutation } from './mutation.js';

export const ACCESS_MUTATIONS: readonly Mutation[] = [
  {
    drops: 'that the addresses of an IPv6 /64 are one',
    file: 'src/protocols/address-group.ts',
    text: 'groups.slice(0, NETWORK_GROUPS)',
    replacement: 'groups.slice(0)',
    test: 'test/protocols/address-tally.test.ts',
    title: 'counts all addresses of an IPv6 network together',
    short: true,
  },
  {
    drops: 'that IPv4 mapped into IPv6 is IPv4',
    file: 'src/protocols/address-group.ts',
    text: 'if (isMapped || isTranslated)',
    replacement: 'if (isTranslated)',
    test: 'test/protocols/address-group.test.ts',
    title: '::ffff:c000:201',
  },
  {
    drops: 'that who holds nothing is forgotten',
    file: 'src/protocols/address-tally.ts',
    text: 'else this.#held.delete(group);',
    replacement: 'else this.#held.set(group, held);',
    test: 'test/protocols/address-tally.test.ts',
    title: 'drops parties that hold nothing',
  },
  {
    drops: 'the bound on RTMP connections of one address',
    file: 'src/servers/rtmp/listener.ts',
    text: 'const fromAddress = this.#perAddress.of(address);',
    replacement: 'const fromAddress = 0;',
    test: 'test/servers/rtmp/address-limits.test.ts',
    title: 'counts the RTMP connections of one IPv6 /64 together',
  },
  {
    drops: 'that a challenge has one spelling',
    file: 'src/access/adobe-challenge.ts',
    text: "|| bytes.toString('base64url') !== opaque) return undefined;",
    replacement: ') return undefined;',
    test: 'test/access/users.test.ts',
    title: 'takes a challenge once, however it is spelt',
    short: true,
  },
];
