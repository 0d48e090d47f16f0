// The ladder never offers more than the source has, whatever its shape, and never a size that an encoder refuses.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SourceVideo } from '../../src/transcode/describe-source.js';
import { fitLadder } from '../../src/transcode/ladder.js';
import { type EncodedVideoSpec, encodedRenditions, fedTracks } from '../../src/transcode/rendition-spec.js';
import { sourceVideo } from './source-video.js';

const AAC = { codec: 'aac', objectType: 2, sampleRate: 44_100, channels: 2 } as const;
const DEFAULT = ['source', '720p', '480p', '360p'];

function sizes(ladder: readonly string[], source: SourceVideo): string[] {
  return fitLadder(ladder, { video: source }).map((spec) =>
    spec.kind === 'video' ? `${spec.name} ${spec.mode} ${spec.width}x${spec.height}` : spec.name,
  );
}

describe('fitLadder', () => {
  it.each([
    {
      what: '1080p',
      source: sourceVideo(1920, 1080),
      expected: ['source copy 1920x1080', '720p encode 1280x720', '480p encode 854x480', '360p encode 640x360'],
    },
    {
      what: '720p: the rung of the same size is left out',
      source: sourceVideo(1280, 720),
      expected: ['source copy 1280x720', '480p encode 854x480', '360p encode 640x360'],
    },
    {
      what: 'portrait, by its short side',
      source: sourceVideo(1080, 1920),
      expected: ['source copy 1080x1920', '720p encode 720x1280', '480p encode 480x854', '360p encode 360x640'],
    },
    { what: 'tiny', source: sourceVideo(64, 48), expected: ['source copy 64x48'] },
    {
      what: 'odd',
      source: sourceVideo(853, 481),
      expected: ['source copy 853x481', '360p encode 638x360'],
    },
    {
      what: 'anamorphic PAL: square pixels',
      source: sourceVideo(720, 576, { sampleAspectRatio: 64 / 45 }),
      expected: ['source copy 720x576', '480p encode 854x480', '360p encode 640x360'],
    },
    {
      what: '10 bit: encoded under its own name',
      source: sourceVideo(1280, 720, { profile: 110, bitDepth: 10 }),
      expected: ['source encode 1280x720', '480p encode 854x480', '360p encode 640x360'],
    },
  ])('A7.17 fits the default ladder to $what', ({ source, expected }) => {
    expect(sizes(DEFAULT, source)).toEqual(expected);
  });

  it('keeps a rung of the source size if the source itself is not served', () => {
    expect(sizes(['720p', '480p'], sourceVideo(1280, 720))).toEqual(['720p encode 1280x720', '480p encode 854x480']);
  });

  it('encodes at the source size if every rung is larger', () => {
    expect(sizes(['720p', '480p'], sourceVideo(427, 241))).toEqual(['240p encode 426x240']);
  });

  it('keeps one H.264 rung beside a copied source that not every browser decodes', () => {
    for (const codec of ['hevc', 'av1', 'vp9'] as const) {
      const small = sourceVideo(640, 360, { codec });
      expect(sizes(['source', '720p', '480p', '360p'], small)).toEqual(['source copy 640x360', '360p encode 640x360']);
      expect(sizes(['source', '720p'], sourceVideo(360, 641, { codec }))).toEqual([
        'source copy 360x641',
        '360p encode 360x640',
      ]);
      expect(sizes(['source', '360p', '240p'], small)).toEqual(['source copy 640x360', '240p encode 426x240']);
      expect(sizes(['source', 'audio'], small)).toEqual(['source copy 640x360']);
      // Such a source is encoded to H.264 itself.
      expect(sizes(['source', '720p'], sourceVideo(640, 360, { codec, bitDepth: 12 }))).toEqual([
        'source encode 640x360',
      ]);
    }
    expect(sizes(['source', '720p'], sourceVideo(640, 360))).toEqual(['source copy 640x360']);
  });

  it('adds the audio track last, and has only audio if there is no video or none is wanted', () => {
    expect(
      fitLadder(['720p', 'source'], { video: sourceVideo(1920, 1080), audio: AAC }).map(({ name }) => name),
    ).toEqual(['720p', 'source', 'audio']);
    expect(fitLadder(DEFAULT, { audio: AAC }).map(({ name }) => name)).toEqual(['audio']);
    expect(fitLadder(['audio'], { video: sourceVideo(640, 360), audio: AAC }).map(({ name }) => name)).toEqual([
      'audio',
    ]);
  });

  it('A7.10 copies AAC-LC and encodes everything else', () => {
    const audio = (source: Parameters<typeof fitLadder>[1]['audio'] & object) =>
      fitLadder(['audio'], { audio: source })[0];
    expect(audio(AAC)).toMatchObject({ mode: 'copy', sampleRate: 44_100, channels: 2 });
    expect(audio({ ...AAC, objectType: 1 })).toMatchObject({ mode: 'encode', sampleRate: 48_000, channels: 2 });
    expect(audio({ codec: 'mp3' })).toMatchObject({ mode: 'encode', bitrate: 128_000 });
  });

  it.each([
    ['mono', { channels: 1, channelConfiguration: 1 }, 'copy'],
    ['5.1', { channels: 6, channelConfiguration: 6 }, 'copy'],
    ['four channels in a program config element', { channels: 4, channelConfiguration: 0 }, 'encode'],
    ['5.1 in a program config element', { channels: 6, channelConfiguration: 0 }, 'encode'],
    ['7.1', { channels: 8, channelConfiguration: 7 }, 'encode'],
    ['6.1', { channels: 7, channelConfiguration: 11 }, 'encode'],
    ['96 kHz', { sampleRate: 96_000 }, 'encode'],
    ['7350 Hz', { sampleRate: 7_350 }, 'encode'],
    ['a rate of its own', { sampleRate: 40_000 }, 'encode'],
    ['frames of 960 samples', { samplesPerFrame: 960 }, 'encode'],
  ] as const)('asks of AAC-LC whether browsers play it: %s', (_, source, mode) => {
    expect(fitLadder(['audio'], { audio: { ...AAC, ...source } })[0]).toMatchObject({ mode });
  });

  it('encodes Opus, FLAC and AC-3 if FFmpeg reads them from FLV, and passes them through otherwise', () => {
    const old = { enhancedRtmp: true, enhancedRtmpAudio: false, versionText: '7.0' };
    for (const codec of ['opus', 'flac', 'ac-3', 'e-ac-3'] as const) {
      const audio = { codec, sampleRate: 48_000, channels: 6 };
      const fitted = (ffmpeg: typeof old) => fitLadder(['source'], { audio }, { ffmpeg })[0];
      expect(fitted(old)).toMatchObject({ mode: 'copy', sampleRate: 48_000, channels: 6 });
      expect(fitted({ ...old, enhancedRtmpAudio: true })).toMatchObject({ mode: 'encode', channels: 2 });
    }
    expect(fitLadder(['source'], { audio: { codec: 'mp3' } }, { ffmpeg: old })[0]?.mode).toBe('encode');
  });

  it.each([
    { codec: 'hevc', bitDepth: 10, chromaFormat: 1, mode: 'copy' },
    { codec: 'hevc', bitDepth: 8, chromaFormat: 2, mode: 'encode' },
    { codec: 'hevc', bitDepth: 12, chromaFormat: 1, mode: 'encode' },
    { codec: 'av1', bitDepth: 10, chromaFormat: 0, mode: 'copy' },
    { codec: 'vp9', bitDepth: 8, chromaFormat: 3, mode: 'encode' },
    { codec: 'avc', bitDepth: 8, chromaFormat: 1, mode: 'copy' },
  ] as const)('A7.17 A9 makes the source of $codec, $bitDepth bit, chroma format $chromaFormat: $mode', (row) => {
    const { mode, ...more } = row;
    expect(fitLadder(['source'], { video: sourceVideo(1280, 720, more) })).toMatchObject([{ name: 'source', mode }]);
  });

  it('A7.16 encodes the source at its own size and rate if it cannot be cut at its key frames', () => {
    const source = { video: sourceVideo(1920, 1080, { bitrate: 9_000_000 }), audio: AAC };
    const specs = fitLadder(['source', '480p'], source, { keyFrames: 'regular' });
    expect(specs).toMatchObject([
      { name: 'source', mode: 'encode', width: 1920, height: 1080, bitrate: 9_000_000, maxrate: 10_800_000 },
      { name: '480p', mode: 'encode' },
      { name: 'audio', mode: 'copy' },
    ]);
    const lying = { video: sourceVideo(640, 360, { bitrate: 1e12 }) };
    expect(fitLadder(['source'], lying, { keyFrames: 'regular' })[0]?.bitrate).toBeLessThan(4_000_000);
    expect(encodedRenditions(specs).map(({ name }) => name)).toEqual(['source', '480p']);
    expect(fedTracks({ renditions: encodedRenditions(specs) })).toEqual({ video: true, audio: false });
  });

  it.each([
    { size: [8192, 4320], expected: [4096, 2160] },
    { size: [4320, 7680], expected: [2304, 4096] },
    { size: [8192, 16], expected: [4096, 8] },
  ] as const)('A7.17 shrinks an encoded source of $size to what browsers decode of H.264', ({ size, expected }) => {
    const [width, height] = size;
    const [source] = fitLadder(['source'], { video: sourceVideo(width, height, { bitDepth: 10 }) });
    expect(source).toMatchObject({ width: expected[0], height: expected[1] });
  });

  it('gives high frame rates more bits, but never more than the publisher announces', () => {
    const rung = (source: SourceVideo) => fitLadder(['source', '720p'], { video: source })[1] as EncodedVideoSpec;
    expect(rung(sourceVideo(1920, 1080)).bitrate).toBe(2_500_000);
    expect(rung(sourceVideo(1920, 1080, { frameRate: 60 })).bitrate).toBe(3_790_000);
    expect(rung(sourceVideo(1920, 1080, { bitrate: 1_500_000 })).bitrate).toBe(1_500_000);
    expect(rung(sourceVideo(1920, 1080, { bitrate: 1 })).bitrate).toBe(630_000);
  });

  it.each([
    [[], 'empty ladder'],
    [['source', 'source'], 'a name twice'],
    [['720'], 'got "720"'],
    [['721p'], 'got "721p"'],
    [['10p'], 'got "10p"'],
    [['99999p'], 'got "99999p"'],
    [['$(touch x)'], 'got "$(touch x)"'],
  ])('refuses the ladder %j', (ladder, message) => {
    expect(() => fitLadder(ladder, { audio: AAC })).toThrow(message);
  });

  it('says so if no rendition is left', () => {
    expect(() => fitLadder(['audio'], { video: sourceVideo(640, 360) })).toThrow(
      expect.objectContaining({ code: 'transcode.ladder-empty' }),
    );
  });

  it('A7.17 makes even sizes, never above the source, for every source and ladder', () => {
    const name = fc.integer({ min: 32, max: 2160 }).map((half) => `${half * 2}p`);
    const ladder = fc.uniqueArray(fc.oneof(name, fc.constant('source')), { minLength: 1, maxLength: 6 });
    const side = fc.integer({ min: 16, max: 8192 });
    fc.assert(
      fc.property(ladder, side, side, fc.integer({ min: 1, max: 240 }), (rungs, width, height, frameRate) => {
        const specs = fitLadder(rungs, { video: sourceVideo(width, height, { frameRate }) });
        expect(specs.length).toBeGreaterThan(0);
        expect(new Set(specs.map((spec) => spec.name)).size).toBe(specs.length);
        for (const spec of specs) {
          if (spec.kind !== 'video' || spec.mode !== 'encode') continue;
          expect([spec.width % 2, spec.height % 2]).toEqual([0, 0]);
          expect(spec.width).toBeLessThanOrEqual(width);
          expect(spec.height).toBeLessThanOrEqual(height);
          expect(Math.min(spec.width, spec.height)).toBeGreaterThanOrEqual(2);
          expect(spec.frameRate).toBe(frameRate);
          expect(spec.maxrate).toBeGreaterThan(spec.bitrate);
        }
      }),
    );
  });
});
