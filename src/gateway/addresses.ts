// Where a server can be reached, as people and programs write it.

/** The host of a URL: IPv6 in brackets, "any address" as one that can be opened on this machine. */
export function urlHost(address: string): string {
  if (address === '0.0.0.0' || address === '::') return 'localhost';
  return address.includes(':') ? `[${address}]` : address;
}
