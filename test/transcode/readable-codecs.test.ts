// A publisher whose codec this FFmpeg cannot read hears so, and only when something has to be made of it.
import { describe, expect, it } from 'vitest';
import { describeSource } from '../../src/transcode/describe-source.js';
import { fitLadder } from '../../src/transcode/ladder.js';
import { canReadFromFlv, requireReadable } from '../../src/transcode/readable-codecs.js';
import { encodedRenditions } from '../../src/transcode/rendition-spec.js';

const DEBIAN = { versionText: '5.1.9', enhancedRtmp: false, enhancedRtmpAudio: false };
const SEVEN = { versionText: '7.0', enhancedRtmp: true, enhancedRtmpAudio: false };
const HEVC = describeSource({
  video: { codec: 'hevc', configuration: Buffer.alloc(0), description: { width: 1280, height: 720 } },
  audio: { codec: 'mp3' },
});

function plan(ladder: readonly string[]) {
  return { source: HEVC, renditions: encodedRenditions(fitLadder(ladder, HEVC)) };
}

describe('requireReadable', () => {
  it('A9 refuses HEVC with the reason where a rung must be encoded by an FFmpeg before 6.1', () => {
    expect(() => requireReadable(plan(['source', '360p']), DEBIAN)).toThrow(
      expect.objectContaining({
        code: 'transcode.codec-unreadable',
        message: 'got HEVC, but FFmpeg 5.1.9 cannot read it from FLV, 6.1 and later can',
      }),
    );
    expect(() => requireReadable(plan(['source', '360p']), SEVEN)).not.toThrow();
  });

  it('A9 asks nothing of FFmpeg for video that is only handed on', () => {
    expect(() => requireReadable(plan(['source']), DEBIAN)).not.toThrow();
  });

  it('names the decoder that a build lacks', () => {
    const ffmpeg = { ...SEVEN, decoders: new Set(['h264', 'aac']) };
    expect(() => requireReadable(plan(['source']), ffmpeg)).toThrow(
      'got MP3, but FFmpeg 7.0 was built without a decoder for it (mp3float or mp3)',
    );
  });

  it('knows that enhanced audio in FLV came later than enhanced video', () => {
    expect(canReadFromFlv('opus', SEVEN)).toBe(false);
    expect(canReadFromFlv('opus', { ...SEVEN, enhancedRtmpAudio: true })).toBe(true);
    expect(canReadFromFlv('av1', SEVEN)).toBe(true);
    expect(canReadFromFlv('mp3', DEBIAN)).toBe(true);
  });
});
