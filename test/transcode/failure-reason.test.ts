// The lines are real output of FFmpeg 5.1 and 7.0 that was made to fail.
import { describe, expect, it } from 'vitest';
import { failureReason } from '../../src/transcode/failure-reason.js';

describe('failureReason', () => {
  it.each([
    ["[aost#0:1 @ 0x55fd1b474f00] [error] Unknown encoder 'libx264'", 'without the encoder libx264'],
    [
      '[vost#0:0/libx264 @ 0x1] [error] Decoding requested, but no decoder found for: hevc',
      'without a decoder for hevc',
    ],
    [
      '[flv @ 0x5581] [warning] Video codec (c) is not implemented. Update your FFmpeg version',
      'cannot read the codec',
    ],
    ['[libx264 @ 0x1] [error] malloc of size 1296000 failed', 'no memory left'],
    ['[in#0 @ 0x1] [error] Error opening input: Cannot allocate memory', 'no memory left'],
    ['[error] ff_frame_thread_init: pthread_create failed: Resource temporarily unavailable', 'limit of threads'],
    ["[fatal] Unrecognized option 'fps_mode'.", 'does not know an option'],
    ['ffmpeg: error while loading shared libraries: libx264.so.164: cannot open', 'library libx264.so.164'],
    ['[error] pipe:0: Invalid data found when processing input', 'could not be decoded'],
    ['[out#0/mp4 @ 0x1] [error] Error writing trailer: Broken pipe', 'pipe to the gateway broke'],
  ])('explains %j', (line, expected) => {
    expect(failureReason(['[warning] something else', line, '[error] Conversion failed!'])).toContain(expected);
  });

  it('names the cause and not its consequence, in whatever order they appear', () => {
    expect(
      failureReason(['[error] pipe:0: Invalid data found when processing input', "[error] Unknown encoder 'aac'"]),
    ).toContain('encoder aac');
  });

  it('does not guess', () => {
    expect(failureReason([])).toBeUndefined();
    expect(failureReason(['[warning] deprecated pixel format used'])).toBeUndefined();
  });
});
