// Parts of whole frames, for every frame rate and part duration that can be configured.
import { describe, expect, it } from 'vitest';
import { framesPerPart } from '../../src/protocols/frames-per-part.js';
import { fragmentDurationMicroseconds } from '../../src/transcode/fragment-duration.js';

describe('part timing', () => {
  it.each([
    [0.5, 30, 15, 483_333],
    [0.5, 25, 12, 460_000],
    [0.5, 24_000 / 1001, 11, 437_938],
    [0.2, 30, 6, 183_333],
    [0.2, 60, 12, 191_667],
    [0.1, 5, 1, 100_000],
    [0.5, 1, 1, 500_000],
  ])('a part of %d s at %d/s is %d frames', (partDuration, frameRate, frames, microseconds) => {
    expect(framesPerPart(partDuration, frameRate)).toBe(frames);
    expect(fragmentDurationMicroseconds(partDuration, frameRate)).toBe(microseconds);
  });
});
