// Decides when a recording is split.

import { Cron } from 'croner';
import type { EpochMilliseconds, Seconds } from '../protocols/units.js';
import type { RecordingFacts } from './recording-facts.js';

export interface SplitRules {
  readonly duration?: Seconds;
  readonly bytes?: number;
  /** The next scheduled time; undefined if there is none. */
  readonly next?: (after: EpochMilliseconds) => EpochMilliseconds | undefined;
}

/** @param pattern of five fields, as in a crontab: minute, hour, day, month, day of the week; local time. @throws if it is not one */
export function scheduleOf(pattern: string): (after: EpochMilliseconds) => EpochMilliseconds | undefined {
  const cron = new Cron(pattern, { mode: '5-part' });
  return (after) => cron.nextRun(new Date(after))?.getTime();
}

/** @param began start of the recording; it is split at the first scheduled time after it */
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
