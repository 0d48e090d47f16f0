// Ids of recordings. They sort by time, and cannot be guessed, because whoever knows the id can watch a recording, also where a proxy hides the list.

import { randomBytes } from 'node:crypto';
import type { EpochMilliseconds } from '../protocols/units.js';

/** Crockford's base 32 in lower case: no letters that look like digits, and text order equals numeric order. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_CHARACTERS = 10;
const RANDOM_CHARACTERS = 16;

/** 26 characters, as in ULID: 50 bits of time and 80 random bits. */
export const RECORDING_ID = '[0-9a-hjkmnp-tv-z]{26}';

const WHOLE = new RegExp(`^${RECORDING_ID}$`);

export function newRecordingId(time: EpochMilliseconds): string {
  const random = [...randomBytes(RANDOM_CHARACTERS)].map((byte) => ALPHABET[byte % ALPHABET.length]).join('');
  return timePrefix(time) + random;
}

export function isRecordingId(text: string): boolean {
  return WHOLE.test(text);
}

/** The prefix of all ids made at this time. As text it is less than every id made later. */
export function timePrefix(time: EpochMilliseconds): string {
  let rest = Math.max(0, Math.floor(time));
  let text = '';
  while (text.length < TIME_CHARACTERS) {
    text = ALPHABET[rest % ALPHABET.length] + text;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return text;
}
