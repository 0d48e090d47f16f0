// Formats addresses of servers for people and programs.

/** The host part of a URL: an IPv6 address gets brackets; the unspecified address becomes one that can be opened on this machine. */
export function urlHost(address: string): string {
  if (address === '0.0.0.0' || address === '::') return 'localhost';
  return address.includes(':') ? `[${address}]` : address;
}
