// The progress pipe, with input cut anywhere, and with values that FFmpeg reports as N/A.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProgressReader } from '../../src/transcode/progress.js';

const TEXT = Buffer.from(
  [
    ...['frame=50', 'fps=24.50', 'stream_0_0_q=-1.0', 'bitrate=N/A', 'total_size=N/A', 'out_time_us=2120000'],
    ...['out_time_ms=2120000', 'out_time=00:00:02.120000', 'dup_frames=0', 'drop_frames=3', 'speed=1.01x'],
    ...['progress=continue', 'frame=60', 'out_time_us=N/A', 'speed=N/A', 'progress=end', ''],
  ].join('\n'),
);
const BLOCKS = [
  {
    frames: 50,
    framesPerSecond: 24.5,
    outputTime: 2120,
    duplicatedFrames: 0,
    droppedFrames: 3,
    speed: 1.01,
    ended: false,
  },
  { frames: 60, ended: true },
];

describe('ProgressReader', () => {
  it('reads blocks', () => {
    expect(new ProgressReader().push(TEXT)).toEqual(BLOCKS);
  });

  it('reads the same in any cutting', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: TEXT.length })), (cuts) => {
        const reader = new ProgressReader();
        const points = [0, ...cuts.sort((a, b) => a - b), TEXT.length];
        const blocks = points.slice(1).flatMap((end, index) => reader.push(TEXT.subarray(points[index], end)));
        expect(blocks).toEqual(BLOCKS);
      }),
    );
  });

  it('ignores garbage', () => {
    const reader = new ProgressReader();
    expect(reader.push(Buffer.alloc(1_000_000, 'x'))).toEqual([]);
    expect(reader.push(Buffer.from('\n=\nfoo\nprogress=end\n'))).toEqual([{ ended: true }]);
  });

  it('drops the beginning of a line that does not end', () => {
    const reader = new ProgressReader();
    reader.push(Buffer.from(`frame=7${' '.repeat(16_384)}`));
    expect(reader.push(Buffer.from('\nprogress=end\n'))).toEqual([{ ended: true }]);
  });
});
