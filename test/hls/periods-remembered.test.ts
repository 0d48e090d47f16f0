// A publisher that comes back all day makes new periods all day. Only those that can still be listed are remembered.
import { expect, it } from 'vitest';
import { StreamPeriods } from '../../src/hls/timeline/stream-periods.js';

it('remembers the newest periods, and numbers them as if it remembered all', () => {
  const periods = new StreamPeriods({ firstDiscontinuitySequence: 0, continuesEarlier: false });
  for (let i = 0; i < 300; i += 1) periods.begin(i * 10, i);
  expect(periods.at(2_995)).toMatchObject({ startIndex: 2_990, discontinuityNumber: 299 });
  expect(periods.at(44 * 10)).toMatchObject({ startIndex: 440, discontinuityNumber: 44 });
  expect(periods.at(43 * 10)).toBeUndefined();
});
