// Reads what request headers say about the answer (RFC 9110): conditional requests, ranges, content codings.

import { RecentValues } from '../../protocols/recent-values.js';

/** Whether If-None-Match matches. The comparison is weak (section 13.1.2), because caches weaken the tags of answers that they compress. */
export function matchesEntityTag(value: string | undefined, entityTag: string): boolean {
  if (value === undefined) return false;
  return value.split(',').some((candidate) => {
    const tag = candidate.trim();
    return tag === '*' || tag === entityTag || tag === `W/${entityTag}`;
  });
}

/**
 * Whether a Range header applies: if there is no If-Range, or if it names this version. The comparison is strong (section 13.1.5). A date
 * never matches, because no Last-Modified is sent.
 */
export function matchesIfRange(value: string | undefined, entityTag: string): boolean {
  return value === undefined || value === entityTag;
}

/** `whole`: answer 200, because a server may ignore a Range header (section 14.2). `first` and `last` are both included. */
export type RangeAnswer =
  | { readonly type: 'whole' }
  | { readonly type: 'slice'; readonly first: number; readonly last: number }
  | { readonly type: 'unsatisfiable' };

const BYTE_RANGE = /^bytes=[ \t]*(\d{0,20})-(\d{0,20})[ \t]*$/;
const WHOLE: RangeAnswer = { type: 'whole' };
const UNSATISFIABLE: RangeAnswer = { type: 'unsatisfiable' };

/** Players and CDNs fetch large segments in ranges. A request for several ranges gets the whole body. @param size bytes of the body */
export function readRange(header: string | undefined, size: number): RangeAnswer {
  if (header === undefined) return WHOLE;
  const match = BYTE_RANGE.exec(header);
  if (match === null) return header.startsWith('bytes=') && !header.includes(',') ? UNSATISFIABLE : WHOLE;
  const [, from = '', to = ''] = match;
  if (from === '') return to === '' ? UNSATISFIABLE : lastBytes(Number(to), size);
  const first = Number(from);
  const last = to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (to !== '' && Number(to) < first) return UNSATISFIABLE;
  return first >= size ? UNSATISFIABLE : { type: 'slice', first, last };
}

function lastBytes(length: number, size: number): RangeAnswer {
  if (length === 0 || size === 0) return UNSATISFIABLE;
  return { type: 'slice', first: Math.max(0, size - length), last: size - 1 };
}

export const CODINGS = ['identity', 'gzip', 'br'] as const;
export type ContentCoding = (typeof CODINGS)[number];

/** Keyed by the value of Accept-Encoding, of which clients send only a few. */
const remembered = new RecentValues<ContentCoding>({ entries: 256, keyLength: 256 });

/** Section 12.5.3. Prefers Brotli if its weight is at least that of gzip. Falls back to `identity` even if the client excludes it. */
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
