// One name for all the addresses that one party has, so that whoever counts by address counts parties: an IPv6 customer gets a
// /64 at least, 2^64 addresses, and could otherwise stay below every limit by coming from a new one each time.

const MAPPED_PREFIX = '::ffff:';
const DOTTED = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const GROUP = /^[0-9a-f]{1,4}$/i;
/** Groups of 16 bits in an IPv6 address, and in the part of it that names a network. */
const GROUPS = 8;
const NETWORK_GROUPS = 4;

/**
 * @param address as Node.js or a header writes it
 * @returns an IPv4 address itself, also where it is mapped into IPv6 (RFC 4291 2.5.5.2) or translated by the well-known prefix of
 * NAT64 (RFC 6052 2.1); of any other IPv6 address its /64, always written the same way; any other text as it is
 */
export function addressGroup(address: string): string {
  // IPv4 is what most addresses are, and this is called for each request.
  if (!address.includes(':')) return address;
  const groups = groupsOf(address);
  if (groups === undefined) return address;
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  const isTranslated = groups[0] === 0x64 && groups[1] === 0xff9b && groups.slice(2, 6).every((group) => group === 0);
  if (isMapped || isTranslated) return dotted(groups[6] ?? 0, groups[7] ?? 0);
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => group.toString(16));
  return `${network.join(':')}::/64`;
}

/** IPv4 that arrived on an IPv6 socket written as IPv4, so that rules and logs know an address by one name; the rest as it is. */
export function plainAddress(address: string): string {
  return address.startsWith(MAPPED_PREFIX) && address.includes('.') ? address.slice(MAPPED_PREFIX.length) : address;
}

/** The eight groups of an IPv6 address; undefined for anything else. */
function groupsOf(address: string): number[] | undefined {
  // The zone of a link-local address names our own interface.
  const [text = ''] = address.split('%', 1);
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(parseGroups);
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === GROUPS ? head : undefined;
  if (tail === undefined || head.length + tail.length >= GROUPS) return undefined;
  const zeros: number[] = Array(GROUPS - head.length - tail.length).fill(0);
  return [...head, ...zeros, ...tail];
}

/** Groups between colons, the last of which may be an IPv4 address that stands for two. */
function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const names = text.split(':');
  for (const [index, name] of names.entries()) {
    if (GROUP.test(name)) {
      groups.push(Number.parseInt(name, 16));
      continue;
    }
    const bytes = index === names.length - 1 ? DOTTED.exec(name)?.slice(1).map(Number) : undefined;
    const [a = 0, b = 0, c = 0, d = 0] = bytes ?? [];
    if (bytes === undefined || bytes.some((byte) => byte > 255)) return undefined;
    groups.push(a * 256 + b, c * 256 + d);
  }
  return groups;
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}
