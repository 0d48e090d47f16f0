// Reads a Range header into one slice of a body in memory, because players and CDNs fetch large segments piecewise.

/** `whole`: answer 200, RFC 9110 section 14.2 lets a server ignore a Range it does not like. Bounds are inclusive bytes. */
export type RangeAnswer =
  | { readonly type: 'whole' }
  | { readonly type: 'slice'; readonly first: number; readonly last: number }
  | { readonly type: 'unsatisfiable' };

const BYTE_RANGE = /^bytes=[ \t]*(\d{0,20})-(\d{0,20})[ \t]*$/;
const WHOLE: RangeAnswer = { type: 'whole' };
const UNSATISFIABLE: RangeAnswer = { type: 'unsatisfiable' };

/** @param size length of the body in bytes. Several ranges in one request are answered with the whole body. */
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
