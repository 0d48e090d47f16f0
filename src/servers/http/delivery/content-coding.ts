// Chooses how a playlist is compressed for a client, RFC 9110 section 12.5.3; remembered, because clients send few different headers.

import { RecentValues } from '../../../protocols/recent-values.js';

export const CODINGS = ['identity', 'gzip', 'br'] as const;
export type ContentCoding = (typeof CODINGS)[number];

/** Of `Accept-Encoding`. */
const remembered = new RecentValues<ContentCoding>({ entries: 256, keyLength: 256 });

/** Brotli where it is accepted as gladly as gzip. `identity` is always acceptable to us, even where it was excluded. */
export function chooseCoding(acceptEncoding: string | undefined): ContentCoding {
  if (acceptEncoding === undefined) return 'identity';
  const known = remembered.get(acceptEncoding);
  if (known !== undefined) return known;
  const chosen = choose(acceptEncoding);
  remembered.keep(acceptEncoding, chosen);
  return chosen;
}

function choose(acceptEncoding: string): ContentCoding {
  const weights = new Map<string, number>();
  for (const item of acceptEncoding.toLowerCase().split(',')) {
    const [name = '', ...parameters] = item.split(';').map((text) => text.trim());
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    const weight = quality === undefined ? 1 : Number(quality.slice(2));
    weights.set(name === 'x-gzip' ? 'gzip' : name, Number.isFinite(weight) ? weight : 0);
  }
  const weight = (coding: string): number => weights.get(coding) ?? weights.get('*') ?? 0;
  const identity = weights.get('identity') ?? 0;
  const [br, gzip] = [weight('br'), weight('gzip')];
  if (br > 0 && br >= gzip && br >= identity) return 'br';
  return gzip > 0 && gzip >= identity ? 'gzip' : 'identity';
}
