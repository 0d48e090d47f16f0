// The pause before the next attempt: 1 s to 30 s, growing, with a random part, so that many gateways do not return to a server at once.

import type { Milliseconds } from '../protocols/units.js';

const FIRST_PAUSE: Milliseconds = 1_000;
const LONGEST_PAUSE: Milliseconds = 30_000;
/** Largest random part, as a share of the pause. */
const JITTER = 0.3;

/**
 * @param failures number of consecutive failures, at least 1
 * @param random from 0 to 1
 */
export function pauseAfter(failures: number, random: number): Milliseconds {
  const pause = Math.min(LONGEST_PAUSE / (1 + JITTER), FIRST_PAUSE * 2 ** Math.min(failures - 1, 10));
  return pause * (1 + JITTER * random);
}
