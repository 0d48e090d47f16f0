// Reads the options that a back end or a token gives to one stream or viewer. An option that cannot be applied is an error and does not fall back to
// a default, because the sender relies on it.

import type { GrantOptions } from '../../contracts/grant.js';

/** The limits of this gateway. Options may only narrow them. */
export interface OptionBounds {
  /** The configured ladder. */
  readonly ladder: readonly string[];
}

export type ReadOptions =
  | { readonly ok: true; readonly options: GrantOptions }
  /** `fault` completes the sentence "the webhook gave …". */
  | { readonly ok: false; readonly fault: string };

/** Their names in JSON. */
export const GRANT_OPTIONS: readonly string[] = ['title', 'ladder', 'record', 'maxViewers', 'publishConflict'];

const MAX_TITLE = 120;
/** Control characters could break log lines and pages. */
const UNPRINTABLE = /[^\x20-\x7e\u00a0-\uffff]/g;
const MAX_VIEWERS = 1_000_000;
const MAX_RUNGS = 8;
/** The audio rendition always exists, so it may always be requested. */
const AUDIO = 'audio';

export function readGrantOptions(
  given: Readonly<Record<string, unknown>>,
  { ladder: allowed }: OptionBounds,
): ReadOptions {
  const { title, ladder, record, maxViewers, publishConflict } = given;
  if (title !== undefined && typeof title !== 'string') return fault('a title that is not a text');
  if (ladder !== undefined && !isLadder(ladder)) return fault('a ladder that is not a list of different renditions');
  const strange = ladder?.find((name) => name !== AUDIO && !allowed.includes(name));
  if (strange !== undefined) {
    const shown = strange.replace(UNPRINTABLE, ' ').slice(0, 16);
    return fault(`a ladder with ${shown}, which is not one of ${allowed.join(',')}`);
  }
  if (record !== undefined && typeof record !== 'boolean') return fault('a record that is neither true nor false');
  if (maxViewers !== undefined && !isCount(maxViewers)) return fault('a maxViewers that is not a number from 1 on');
  if (publishConflict !== undefined && publishConflict !== 'reject' && publishConflict !== 'override') {
    return fault('a publishConflict that is neither reject nor override');
  }
  return {
    ok: true,
    options: {
      ...(title !== undefined && { title: title.replace(UNPRINTABLE, ' ').slice(0, MAX_TITLE) }),
      ...(ladder !== undefined && { ladder }),
      ...(record !== undefined && { record }),
      ...(maxViewers !== undefined && { maxViewers }),
      ...(publishConflict !== undefined && { publishConflict }),
    },
  };
}

function isLadder(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= MAX_RUNGS &&
    value.every((name) => typeof name === 'string') &&
    new Set(value).size === value.length
  );
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= MAX_VIEWERS;

const fault = (text: string): ReadOptions => ({ ok: false, fault: text });
