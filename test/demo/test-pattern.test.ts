// The test pattern has a key frame every two seconds, even if FFmpeg cannot draw text.
import { describe, expect, it } from 'vitest';
import { canDrawCaption, testPatternArguments } from '../../src/demo/test-pattern.js';
import { npmFfmpeg, runProgram } from '../support/processes.js';

describe('test pattern', () => {
  it('has a key frame every two seconds, with and without a caption', async () => {
    const captions = (await canDrawCaption(npmFfmpeg(), AbortSignal.timeout(20_000))) ? [true, false] : [false];
    for (const caption of captions) {
      const faster = testPatternArguments(caption)
        .filter((argument) => argument !== '-re')
        .map((argument) => (argument === 'pipe:1' ? '-' : argument));
      const { stdout } = await runProgram(npmFfmpeg(), [...faster.slice(0, -1), '-t', '4.2', '-']);
      expect(keyFrameTimes(stdout)).toEqual([0, 2000, 4000]);
    }
  });

  it('has no caption if FFmpeg cannot draw text', async () => {
    expect(await canDrawCaption('/bin/false', AbortSignal.timeout(20_000))).toBe(false);
    expect(await canDrawCaption('/no/such/ffmpeg', AbortSignal.timeout(20_000))).toBe(false);
    expect(testPatternArguments(false).join(' ')).not.toContain('drawtext');
  });
});

/** Timestamps of the video tags of an FLV file that are key frames with pictures, in milliseconds. */
function keyFrameTimes(flv: Buffer): number[] {
  const times: number[] = [];
  for (let at = 13; at + 11 <= flv.length; ) {
    const size = flv.readUIntBE(at + 1, 3);
    const isKeyFrame = flv[at] === 9 && flv[at + 11] === 0x17 && flv[at + 12] === 1;
    if (isKeyFrame) times.push(flv.readUIntBE(at + 4, 3));
    at += 11 + size + 4;
  }
  const first = times[0] ?? 0;
  return times.map((time) => time - first);
}
