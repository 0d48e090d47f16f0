// Converts durations in requests. The schema has already checked their form.

import type { Milliseconds } from '../../protocols/units.js';

const UNITS: Readonly<Record<string, Milliseconds>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** @param text such as `90s`, `10m`, `2h`, `7d` */
export function durationOf(text: string): Milliseconds {
  return Number(text.slice(0, -1)) * (UNITS[text.slice(-1)] ?? 0);
}
