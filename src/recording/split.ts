// When a recording is continued in a new one.

import { Cron } from 'croner';
import type { EpochMilliseconds, Seconds } from '../protocols/units.js';
import type { RecordingFacts } from './recording-facts.js';

export interface SplitRules {
  readonly duration?: Seconds;
  readonly bytes?: number;
  /** The next time after a time; undefined if there is none. */
  readonly next?: (after: EpochMilliseconds) => EpochMilliseconds | undefined;
}

/** @param pattern of five fields, as in a crontab: minute, hour, day, month, day of the week; local time. @throws if it is not one */
export function scheduleOf(pattern: string): (after: EpochMilliseconds) => EpochMilliseconds | undefined {
  const cron = new Cron(pattern, { mode: '5-part' });
  return (after) => cron.nextRun(new Date(after))?.getTime();
}

/** @param began when it was started: the first time of the schedule after it counts */
export function isSplitDue(
  { duration, bytes, next }: SplitRules,
  facts: Pick<RecordingFacts, 'duration' | 'bytes'>,
  began: EpochMilliseconds,
  now: EpochMilliseconds,
): boolean {
  if (duration !== undefined && facts.duration >= duration) return true;
  if (bytes !== undefined && facts.bytes >= bytes) return true;
  const at = next?.(began);
  return at !== undefined && at <= now;
}
