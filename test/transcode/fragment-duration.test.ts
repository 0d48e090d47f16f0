// Parts of whole frames, for every frame rate and part duration that can be configured.
import { describe, expect, it } from 'vitest';
import { evenFramesPerPart } from '../../src/protocols/frames-per-part.js';
import { fragmentDurationMicroseconds } from '../../src/transcode/fragment-duration.js';

describe('part timing', () => {
  it.each([
    [0.5, 30, 15, 483_333],
    [0.5, 25, 13, 500_000],
    [0.5, 24_000 / 1001, 12, 479_646],
    [0.5, 30_000 / 1001, 15, 483_817],
    [0.2, 30, 6, 183_333],
    [0.2, 60, 12, 191_667],
    [0.1, 5, 1, 100_000],
    [0.5, 1, 1, 500_000],
  ])('a part of %d s at %d/s is %d frames, in segments of 2 s', (partDuration, frameRate, frames, microseconds) => {
    const durations = { partDuration, segmentDuration: 2 };
    expect(evenFramesPerPart(durations, frameRate)).toBe(frames);
    expect(fragmentDurationMicroseconds(durations, frameRate)).toBe(microseconds);
  });
});
