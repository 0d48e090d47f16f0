// The peak of RFC 8216bis 4.1, compared with every set of segments to which the rule applies, one by one.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BandwidthMeter } from '../../src/hls/window/bandwidth-meter.js';

const TARGET = 4;

it('B2.03 the peak is that of the heaviest contiguous segments of half to one and a half target durations', () => {
  const segments = fc.array(
    fc.record({
      duration: fc.integer({ min: 2, max: 44 }).map((tenths) => tenths / 10),
      length: fc.integer({ min: 1, max: 1_000_000 }),
      keyFrameBytes: fc.integer({ min: 0, max: 100_000 }),
    }),
    { minLength: 1, maxLength: 30 },
  );
  fc.assert(
    fc.property(segments, (all) => {
      const meter = new BandwidthMeter();
      for (const { duration, length, keyFrameBytes } of all) {
        meter.add({ duration, keyFrameBytes, media: { length } }, TARGET);
      }
      let peak = 0;
      let iFramePeak = 0;
      for (let from = 0; from < all.length; from += 1) {
        for (let to = from + 1; to <= all.length; to += 1) {
          const set = all.slice(from, to);
          const duration = set.reduce((sum, segment) => sum + segment.duration, 0);
          if (duration < TARGET / 2 - 1e-9 || duration > 1.5 * TARGET + 0.5 + 1e-9) continue;
          const bits = set.reduce((sum, { length }) => sum + length * 8, 0);
          const iFrameBits = set.reduce((sum, segment) => sum + segment.keyFrameBytes * 8, 0);
          peak = Math.max(peak, bits / duration);
          iFramePeak = Math.max(iFramePeak, iFrameBits / duration);
        }
      }
      // Before there is such a set, all segments together are taken, although they last less than half a target duration.
      expect(meter.peak).toBeGreaterThanOrEqual(peak * 0.999);
      expect(meter.iFramePeak).toBeGreaterThanOrEqual(iFramePeak * 0.999);
      const [first] = all;
      if ((first?.duration ?? 0) < TARGET / 2) return;
      expect(meter.peak).toBeLessThanOrEqual(peak * 1.001);
      expect(meter.iFramePeak).toBeLessThanOrEqual(iFramePeak * 1.001);
    }),
  );
});
