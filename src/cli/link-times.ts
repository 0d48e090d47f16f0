// Reads the times from which and until which a link of `sluice sign` works.

import type { PlayClaims } from '../access/tickets/play-token.js';
import type { Seconds } from '../protocols/units.js';

/** Flags of `sign`; all other flags on its command line are options of the configuration. */
export const SIGN_FLAGS: readonly string[] = ['--for', '--until', '--start-by', '--not-before', '--max-height'];

export type LinkTimes = Pick<PlayClaims, 'until' | 'start_by' | 'not_before'>;

const DEFAULT_DURATION: Seconds = 24 * 3600;
const DURATION = /^(\d{1,9})([smhd])$/;
const SECONDS_IN: Readonly<Record<string, Seconds>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** @param now seconds since 1970. @returns the times, or what is wrong with the flags */
export function readLinkTimes(flags: ReadonlyMap<string, string>, now: number): LinkTimes | string {
  const duration = flags.get('--for');
  if (duration !== undefined && flags.has('--until')) return 'got --for and --until, expected one of them';
  const seconds = duration === undefined ? DEFAULT_DURATION : secondsOf(duration);
  if (seconds === undefined) return `--for: got "${duration}", expected a number and s, m, h or d, such as 2h`;
  const until = timeOf(flags, '--until') ?? now + seconds;
  const startBy = timeOf(flags, '--start-by');
  const notBefore = timeOf(flags, '--not-before');
  for (const time of [until, startBy, notBefore]) if (typeof time === 'string') return time;
  const times = {
    until,
    ...(startBy !== undefined && { start_by: startBy }),
    ...(notBefore !== undefined && { not_before: notBefore }),
  } as LinkTimes;
  return faultOf(times, now) ?? times;
}

/** Why nobody could ever watch with such a link; undefined if somebody could. */
function faultOf({ until, start_by: startBy, not_before: notBefore }: LinkTimes, now: number): string | undefined {
  if (until <= now) return 'the link would have ended already: its end must be in the future';
  if (startBy !== undefined && startBy <= now) return '--start-by is over: it must be in the future';
  if (notBefore !== undefined && notBefore >= until)
    return '--not-before is not before the end of the link, so nobody could watch with it';
  if (startBy !== undefined && notBefore !== undefined && startBy <= notBefore)
    return '--start-by is not after --not-before, so nobody could begin to watch';
  return undefined;
}

/** Seconds since 1970; undefined without the flag; a text that says what is wrong with it. */
function timeOf(flags: ReadonlyMap<string, string>, flag: string): number | string | undefined {
  const text = flags.get(flag);
  if (text === undefined) return undefined;
  const time = Date.parse(text) / 1000;
  if (!Number.isFinite(time)) return `${flag}: got "${text}", expected a time such as 2030-12-31T18:00Z`;
  return Math.floor(time);
}

/** @param text a number and its unit: 30s, 5m, 2h, 7d. @returns undefined for any other text */
export function secondsOf(text: string): Seconds | undefined {
  const [, number, unit = ''] = DURATION.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * (SECONDS_IN[unit] ?? 0);
}
