// The pause before the next attempt: 1 s to 30 s, growing, with a random part, so that many gateways do not return to a server at once.

import type { Milliseconds } from '../protocols/units.js';

const FIRST_PAUSE: Milliseconds = 1_000;
const LONGEST_PAUSE: Milliseconds = 30_000;
/** How much the random part can add, of the pause. */
const JITTER = 0.3;

/**
 * @param failures in a row, at least 1
 * @param random from 0 to 1
 */
export function pauseAfter(failures: number, random: number): Milliseconds {
  const pause = Math.min(LONGEST_PAUSE / (1 + JITTER), FIRST_PAUSE * 2 ** Math.min(failures - 1, 10));
  return pause * (1 + JITTER * random);
}
