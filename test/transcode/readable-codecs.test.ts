// The codecs that an FFmpeg can read. If its demuxer cannot read a codec in FLV, or its build lacks the decoder, rungs are impossible.
import { describe, expect, it } from 'vitest';
import { canReadFromFlv } from '../../src/transcode/readable-codecs.js';

const DEBIAN = { versionText: '5.1.9', enhancedRtmp: false, enhancedRtmpAudio: false };
const SEVEN = { versionText: '7.0', enhancedRtmp: true, enhancedRtmpAudio: false };

describe('canReadFromFlv', () => {
  it('A9 knows that FFmpeg reads enhanced video in FLV since 6.1', () => {
    for (const codec of ['hevc', 'av1', 'vp9'] as const) {
      expect(canReadFromFlv(codec, DEBIAN)).toBe(false);
      expect(canReadFromFlv(codec, SEVEN)).toBe(true);
    }
    expect(canReadFromFlv('avc', DEBIAN)).toBe(true);
    expect(canReadFromFlv('mp3', DEBIAN)).toBe(true);
  });

  it('knows that FFmpeg reads enhanced audio only since a later release', () => {
    for (const codec of ['opus', 'flac', 'ac-3', 'e-ac-3'] as const) {
      expect(canReadFromFlv(codec, SEVEN)).toBe(false);
      expect(canReadFromFlv(codec, { ...SEVEN, enhancedRtmpAudio: true })).toBe(true);
    }
  });

  it('knows which decoders a build lacks, and accepts any one for the codec', () => {
    expect(canReadFromFlv('mp3', { ...SEVEN, decoders: new Set(['h264', 'aac']) })).toBe(false);
    expect(canReadFromFlv('mp3', { ...SEVEN, decoders: new Set(['mp3']) })).toBe(true);
    expect(canReadFromFlv('av1', { ...SEVEN, decoders: new Set(['av1']) })).toBe(false);
    expect(canReadFromFlv('av1', { ...SEVEN, decoders: new Set(['libdav1d']) })).toBe(true);
  });
});
