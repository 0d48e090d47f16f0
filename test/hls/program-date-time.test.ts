// Dates over days: an encoder with a wrong clock, a wall clock that is set, networks that delay. B1.12 and C4.08.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProgramDateTime } from '../../src/hls/timeline/program-date-time.js';
import { ManualClock } from '../support/manual-clock.js';

const DAY = 86_400_000;
const SEGMENT = 2_000;
/** The shortest frame that is served: 240 frames per second. */
const FRAME = 1000 / 240;

interface Journey {
  /** By how many millionths the encoder's clock is too fast. */
  readonly drift: number;
  readonly days: number;
  /** By how many milliseconds the sample with this index arrives late. */
  readonly late?: (index: number) => number;
  /** By how many milliseconds the wall clock is set, and after how long. */
  readonly set?: { readonly by: number; readonly after: number };
}

/** Notes one sample per segment; more would show nothing new. */
function travel({ drift, days, late = () => 0, set }: Journey) {
  const clock = new ManualClock();
  const dates = new ProgramDateTime(clock, undefined);
  const segment = { worst: 0, backwards: 0 };
  let isSet = false;
  let before: number | undefined;
  let error = 0;
  for (let index = 0; index * SEGMENT < days * DAY; index += 1) {
    const media = 1000 + index * SEGMENT;
    const arrival = (index * SEGMENT) / (1 + drift / 1e6) + late(index);
    if (arrival > clock.now()) clock.advance(arrival - clock.now());
    if (set !== undefined && !isSet && clock.now() >= set.after) {
      clock.wallClockOffset += set.by;
      isSet = true;
    }
    dates.note(media);
    const date = dates.at(media / 1000);
    if (before !== undefined) segment.worst = Math.max(segment.worst, Math.abs(date - before - SEGMENT));
    before = date;
    error = date - clock.wallClock();
  }
  return { error, worst: segment.worst, clock, dates };
}

describe('EXT-X-PROGRAM-DATE-TIME', () => {
  it.each([200, -200, 20])(
    'B1.12 follows the wall clock for three days of an encoder that is %s millionths fast',
    (drift) => {
      const { error, worst } = travel({ drift, days: 3 });
      // Without the correction it would be 52 s after three days.
      expect(Math.abs(error)).toBeLessThan(500);
      expect(worst).toBeLessThan(FRAME);
    },
  );

  it('B1.12 dates agree with EXTINF and stay correct with any drift and any network delays', () => {
    const journeys = fc.record({
      drift: fc.integer({ min: -300, max: 300 }),
      jitter: fc.integer({ min: 0, max: 200 }),
      outage: fc.integer({ min: 0, max: 20_000 }),
      every: fc.integer({ min: 50, max: 2_000 }),
    });
    fc.assert(
      fc.property(journeys, ({ drift, jitter, outage, every }) => {
        // An outage delays later samples, which then arrive all at once.
        const late = (index: number) =>
          Math.max(((index * 7919) % 101) * (jitter / 100), index < every ? 0 : outage - (index % every) * SEGMENT);
        const { error, worst } = travel({ drift, days: 0.5, late });
        expect(worst).toBeLessThan(FRAME);
        expect(Math.abs(error)).toBeLessThan(750 + Math.max(jitter, late(Math.ceil((0.5 * DAY) / SEGMENT) - 1)));
      }),
      { numRuns: 15 },
    );
  });

  it('C4.08 follows a wall clock that is set by a minute within two days, and never jumps', () => {
    for (const by of [60_000, -60_000]) {
      const { error, worst } = travel({ drift: 0, days: 2, set: { by, after: 3_600_000 } });
      expect(Math.abs(error)).toBeLessThan(500);
      expect(worst).toBeLessThan(FRAME);
    }
  });

  it('a publisher that returns after days continues the timeline at the current time', () => {
    const { dates, clock } = travel({ drift: -200, days: 2 });
    clock.advance(3_000);
    const date = dates.at((dates.now ?? 0) / 1000);
    expect(Math.abs(date - clock.wallClock())).toBeLessThan(500);
  });

  it('late media has the same dates as the same time in other renditions', () => {
    const { dates } = travel({ drift: 200, days: 0.25 });
    const newest = 1000 + 0.25 * DAY;
    const earlier = dates.at((newest - 20_000) / 1000);
    for (let media = newest; media < newest + 600_000; media += SEGMENT) dates.note(media);
    expect(dates.at((newest - 20_000) / 1000)).toBe(earlier);
  });

  it('begins no earlier than the last date of an earlier presentation, and then approaches the wall clock', () => {
    const clock = new ManualClock();
    const earliest = clock.wallClock() + 20_000;
    const dates = new ProgramDateTime(clock, undefined, earliest);
    let last = 0;
    for (let media = 0; media < DAY; media += SEGMENT) {
      dates.note(media);
      const date = dates.at(media / 1000);
      expect(date).toBeGreaterThan(last);
      if (media === 0) expect(date).toBe(earliest);
      last = date;
      clock.advance(SEGMENT);
    }
    expect(Math.abs(last + SEGMENT - clock.wallClock())).toBeLessThan(500);
  });
});
