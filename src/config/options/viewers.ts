// Limits on what viewers may use of this machine, and who may see what.

import { Type } from 'typebox';
import { choice, count, limit } from '../option-kinds.js';

/** The characters of an IP address or CIDR block; whether it is valid is checked later. */
const PROXY = '^[0-9A-Fa-f.:]{2,45}(/[0-9]{1,3})?$';

const proxy = Type.String({ pattern: PROXY, expected: 'an IP address or CIDR block, such as 10.0.0.0/8' });
const ancestor = Type.String({
  pattern: "^('self'|'none'|[A-Za-z0-9*.:/_-]+)$",
  expected: "an origin such as https://example.com, or * or 'self' or 'none'",
});

export const viewerOptions = {
  maxWaiters: count(1, 1_000_000, {
    default: 20_000,
    unit: 'requests',
    description:
      'Maximum number of HTTP requests that wait for media (blocking reloads, hinted parts); further ones get 503.',
  }),
  maxWaitersPerIp: count(1, 1_000_000, {
    default: 4000,
    unit: 'requests',
    description:
      'The same for one client address (IPv6: one /64). Behind a proxy in `trustedProxies`, each of its clients is counted separately.',
  }),
  maxUnreadBytes: limit(4_194_304, 68_719_476_736, {
    default: 268_435_456,
    unit: 'bytes',
    description:
      'Maximum memory for answers that clients have not read to the end; beyond it, the oldest answer of the address that holds most is cut off.',
  }),
  maxUnreadBytesPerIp: limit(1_048_576, 68_719_476_736, {
    default: 67_108_864,
    unit: 'bytes',
    description: 'The same for one client address (IPv6: one /64); beyond it, its oldest answer is cut off.',
  }),
  trustedProxies: Type.Array(proxy, {
    default: ['127.0.0.0/8', '::1'],
    maxItems: 1000,
    uniqueItems: true,
    placeholder: 'ADDRESS,…',
    expected: 'different IP addresses or CIDR blocks',
    description:
      'Proxies and CDNs whose `X-Forwarded-For` header is trusted to name the client. From other addresses the header is ignored.',
  }),
  metrics: choice(['admin', 'public', 'off'], {
    default: 'admin',
    description:
      'Where `/metrics` is: `admin` on the admin listener, which asks for a token; `public` also on the HTTP port, for everybody who can reach it; `off` nowhere.',
  }),
  hstsMaxAge: count(0, 63_072_000, {
    default: 0,
    unit: 's',
    description:
      'How long browsers that came over HTTPS must use HTTPS only (`Strict-Transport-Security`), on all ports of the host name. 0 sends no such header. With a certificate that browsers do not trust, the header would lock them out.',
  }),
  frameAncestors: Type.Array(ancestor, {
    default: ['*'],
    minItems: 1,
    maxItems: 64,
    uniqueItems: true,
    placeholder: 'ORIGIN,…',
    expected: "different origins such as https://example.com, or * or 'self' or 'none'",
    description: 'Sites that may show the embed page in an iframe (CSP `frame-ancestors`).',
  }),
};
