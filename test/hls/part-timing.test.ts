// PART-TARGET can never change after it was announced, so its formula is checked for every frame rate that a source may have.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advancePartLimit, audioFramesPerPart, partTiming } from '../../src/hls/timeline/part-timing.js';
import { framesPerPart } from '../../src/protocols/frames-per-part.js';

const video = (frameRate: number): { name: string; kind: 'video'; input: 'pipe'; frameRate: number } => ({
  name: `${frameRate}`,
  kind: 'video',
  input: 'pipe',
  frameRate,
});

describe('partTiming', () => {
  it.each([
    { frameRate: 25, partDuration: 0.5, frames: 12, partTarget: 0.56 },
    { frameRate: 30, partDuration: 0.5, frames: 15, partTarget: 0.56667 },
    { frameRate: 60, partDuration: 0.5, frames: 30, partTarget: 0.53334 },
    { frameRate: 30_000 / 1001, partDuration: 0.5, frames: 14, partTarget: 0.53387 },
    { frameRate: 24, partDuration: 0.2, frames: 4, partTarget: 0.195 },
    { frameRate: 1, partDuration: 0.5, frames: 1, partTarget: 1.17 },
  ])('$frameRate fps, parts of $partDuration s: $frames frames under $partTarget s', (row) => {
    expect(framesPerPart(row.partDuration, row.frameRate)).toBe(row.frames);
    expect(partTiming({ renditions: [video(row.frameRate)] }, { ...row, segmentDuration: 2 }).partTarget).toBeCloseTo(
      row.partTarget,
      5,
    );
  });

  it('B3.01 a nominal part lasts 85 % to 100 % of PART-TARGET, with a frame to spare if frames are short', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 240, noNaN: true }),
        fc.double({ min: 0.1, max: 2, noNaN: true }),
        (rate, part) => {
          const { partTarget, renditions } = partTiming(
            { renditions: [video(rate)] },
            { partDuration: part, segmentDuration: Math.max(2, part) },
          );
          const nominal = renditions[0]?.nominal ?? 0;
          expect(nominal).toBeLessThanOrEqual(partTarget);
          expect(nominal).toBeGreaterThanOrEqual(0.85 * partTarget);
        },
      ),
    );
  });

  it.each([
    [60, 30],
    [59.94, 29.97],
    [50, 25],
  ])('B3.03 one target for renditions of %d and %d fps, which both keep the 85 %%', (full, half) => {
    const { partTarget, renditions } = partTiming(
      { renditions: [video(full), video(half)] },
      { partDuration: 0.5, segmentDuration: 2 },
    );
    for (const { nominal } of renditions) {
      expect(nominal).toBeLessThanOrEqual(partTarget);
      expect(nominal).toBeGreaterThanOrEqual(0.85 * partTarget);
    }
  });

  it('audio parts are as long as video parts, and never longer than PART-TARGET', () => {
    expect(audioFramesPerPart(0.48, 1024 / 48_000, 0.56)).toBe(23);
    // HE-AAC at 22.05 kHz: three frames of 93 ms would be too long.
    expect(audioFramesPerPart(0.2, 2048 / 22_050, 0.234)).toBe(2);
    expect(audioFramesPerPart(0.05, 2048 / 22_050, 0.06)).toBe(1);
  });

  it.each([
    { rate: 25, sampleRate: 48_000, segment: 2, frames: 25 },
    { rate: 25, sampleRate: 44_100, segment: 2, frames: 23 },
    { rate: 25, sampleRate: 48_000, segment: 1, frames: 25 },
    { rate: 29.97, sampleRate: 48_000, segment: 2.002, frames: 24 },
    { rate: 30, sampleRate: 48_000, segment: 2, frames: 24 },
    // Segments of 90 frames exactly.
    { rate: 25, sampleRate: 48_000, segment: 1.92, frames: 23 },
  ])('audio parts leave no short rest in a segment of $segment s ($rate fps, $sampleRate Hz)', (source) => {
    const { rate, sampleRate, segment, frames } = source;
    const { partTarget, renditions } = partTiming(
      { renditions: [video(rate)] },
      { partDuration: 0.5, segmentDuration: segment },
    );
    const frame = 1024 / sampleRate;
    const count = audioFramesPerPart(renditions[0]?.nominal ?? 0, frame, partTarget, segment);
    expect(count).toBe(frames);
    expect(count * frame).toBeLessThanOrEqual(partTarget);
    for (const whole of [Math.floor(segment / frame), Math.ceil(segment / frame)])
      expect(whole % count === 0 || whole % count >= count / 2).toBe(true);
  });

  it('B3.05 the advance part limit', () => {
    expect(advancePartLimit(0.56)).toBe(6);
    expect(advancePartLimit(1.2)).toBe(3);
  });
});
