// Parts of a publisher whose pictures come at uneven times: long enough to be listed, short enough for PART-TARGET.
import { expect, it } from 'vitest';
import type { MadePart } from '../../src/hls/packaging/part.js';
import { VideoSamples } from '../../src/hls/packaging/video-samples.js';
import { CutSchedule } from '../../src/hls/timeline/cut-schedule.js';
import { partTiming } from '../../src/hls/timeline/part-timing.js';

it('B3.01 makes parts of 85 % from times that GStreamer has moved to those of the sound', () => {
  const plan = { renditions: [{ name: 'source', kind: 'video', input: 'samples', frameRate: 25 } as const] };
  const { partTarget, renditions } = partTiming(plan, { partDuration: 0.5, segmentDuration: 2 });
  const nominal = renditions[0]?.nominal ?? 0;
  const schedule = new CutSchedule({ segmentDuration: 2 }, { frame: 0.04, nominalPart: nominal });
  const parts: MadePart[] = [];
  const sink = { needsSync: false, accept: (part: MadePart) => void parts.push(part), complete: () => undefined };
  const samples = new VideoSamples({ schedule, sink, trackId: 1, timescale: 90_000, partTarget, nominal, frame: 0.04 });
  for (let frame = 0; frame < 500; frame += 1) {
    // The audio frame (1024 samples at 44.1 kHz) that was muxed just before the picture.
    const sound = 1024 / 44.1;
    const dts = 1_000 + Math.floor(Math.floor((frame * 40) / sound) * sound) + (frame % 2);
    const keyFrame = frame % 50 === 0;
    schedule.noteVideo(dts, dts, keyFrame);
    samples.push({ dts, cts: 0, sync: keyFrame, data: Buffer.of(frame & 0xff) });
  }
  expect(parts.length).toBeGreaterThan(35);
  for (const [i, { duration, completes, segmentIndex }] of parts.entries()) {
    expect(duration).toBeLessThanOrEqual(partTarget);
    const last = completes || parts[i + 1]?.segmentIndex !== segmentIndex;
    if (!last) expect(duration).toBeGreaterThanOrEqual(0.85 * partTarget);
  }
});
