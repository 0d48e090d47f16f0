// Maps an address to the party that holds it, so that limits per address count parties. An IPv6 customer gets at least a /64, 2^64
// addresses, and could otherwise avoid every limit by using a new address each time.

const MAPPED_PREFIX = '::ffff:';
const DOTTED = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const GROUP = /^[0-9a-f]{1,4}$/i;
/** 16-bit groups in an IPv6 address, and in its network part. */
const GROUPS = 8;
const NETWORK_GROUPS = 4;

/**
 * @param address as Node.js or a header writes it
 * @returns an IPv4 address as it is, also if it is IPv4-mapped (RFC 4291 2.5.5.2) or uses the well-known NAT64 prefix (RFC 6052 2.1); for
 * any other IPv6 address its /64, always in the same notation; any other text unchanged
 */
export function addressGroup(address: string): string {
  // Fast path: most addresses are IPv4, and this is called for each request.
  if (!address.includes(':')) return address;
  const groups = groupsOf(address);
  if (groups === undefined) return address;
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  const isTranslated = groups[0] === 0x64 && groups[1] === 0xff9b && groups.slice(2, 6).every((group) => group === 0);
  if (isMapped || isTranslated) return dotted(groups[6] ?? 0, groups[7] ?? 0);
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => group.toString(16));
  return `${network.join(':')}::/64`;
}

/** Writes an IPv4-mapped IPv6 address as IPv4, so that rules and logs have one notation for each address. Returns all others unchanged. */
export function plainAddress(address: string): string {
  return address.startsWith(MAPPED_PREFIX) && address.includes('.') ? address.slice(MAPPED_PREFIX.length) : address;
}

/** The eight 16-bit groups of an IPv6 address; undefined for anything else. */
function groupsOf(address: string): number[] | undefined {
  // Removes the zone of a link-local address, which names an interface of this machine.
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

/** Parses groups separated by colons. The last may be an IPv4 address, which stands for two groups. */
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
