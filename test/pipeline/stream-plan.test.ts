// How a publisher is served, for each feature that may be missing.
import { describe, expect, it } from 'vitest';
import {
  byCost,
  type PlanRequest,
  periodPlan,
  planStream,
  type StreamPlan,
  transcodePlan,
} from '../../src/pipeline/stream-plan.js';
import type { SourceAudio } from '../../src/transcode/describe-source.js';
import { sourceVideo } from '../transcode/source-video.js';

const MODERN = { versionText: '7.0', enhancedRtmp: true, enhancedRtmpAudio: false };
const VIDEO = sourceVideo(1280, 720, { frameRate: 25 });
const AAC: SourceAudio = { codec: 'aac', objectType: 2, sampleRate: 48_000, channels: 2 };

function plan(request: Partial<PlanRequest> = {}): StreamPlan {
  return planStream({
    source: { video: VIDEO, audio: AAC },
    extraTracks: [],
    ladder: ['source', '480p', '360p'],
    ffmpeg: MODERN,
    mayEncodeVideo: true,
    keyFrames: 'source',
    offered: [],
    withdrawn: new Set(),
    ...request,
  });
}

const modes = ({ renditions }: StreamPlan) => renditions.map(({ name, mode }) => `${name} ${mode}`);
const DURATIONS = { partDuration: 0.5, segmentDuration: 2 };

describe('planStream', () => {
  it('copies the source and its AAC, and has FFmpeg make only the rungs', () => {
    const whole = plan();
    expect(modes(whole)).toEqual(['source copy', '480p encode', '360p encode', 'audio copy']);
    expect(transcodePlan(whole, DURATIONS)?.renditions.map(({ name }) => name)).toEqual(['480p', '360p']);
    expect(periodPlan(whole).renditions.map(({ name, input }) => `${name} ${input}`)).toEqual([
      'source samples',
      '480p pipe',
      '360p pipe',
      'audio samples',
    ]);
    expect(transcodePlan(plan({ ladder: ['source'] }), DURATIONS)).toBeUndefined();
  });

  it('encodes HDR to SDR, or says what to change if that is impossible', () => {
    const source = { video: { ...VIDEO, codec: 'hevc' as const, bitDepth: 10, hdr: 'PQ' as const }, audio: AAC };
    const mapped = plan({ source });
    expect(mapped.shortcomings).toEqual([]);
    expect(transcodePlan(mapped, DURATIONS)?.source.video?.hdr).toBe('PQ');
    const pale = plan({ source, ffmpeg: { ...MODERN, toneMapping: false } });
    expect(pale.shortcomings).toEqual([expect.stringContaining('480p, 360p will look pale: FFmpeg 7.0 lacks')]);
    expect(transcodePlan(pale, DURATIONS)?.source.video?.hdr).toBeUndefined();
    const alone = plan({ source, ladder: ['source'] });
    expect(alone.shortcomings).toEqual([
      expect.stringContaining('the pictures are HEVC'),
      expect.stringMatching(/HDR \(PQ\).*add a rung such as 720p/),
    ]);
  });

  it.each(['hevc', 'av1', 'vp9'] as const)(
    'makes an H.264 rung of %s, or says which browsers show nothing',
    (codec) => {
      const source = { video: sourceVideo(320, 180, { codec }), audio: AAC };
      const encoded = plan({ source });
      expect(modes(encoded)).toEqual(['source copy', '180p encode', 'audio copy']);
      expect(encoded.shortcomings).toEqual([]);
      const said = expect.stringMatching(/^the pictures are (HEVC|AV1|VP9) .*: browsers without \1 show none; /);
      for (const left of [{ ladder: ['source', 'audio'] }, { withdrawn: new Set(['180p']) }]) {
        const copied = plan({ source, ...left });
        expect(modes(copied)).toEqual(['source copy', 'audio copy']);
        expect(copied.shortcomings).toEqual([said]);
      }
      for (const refused of [{ ffmpeg: undefined }, { mayEncodeVideo: false }]) {
        const copied = plan({ source, ...refused });
        expect(modes(copied)).toEqual(['source copy', 'audio copy']);
        expect(copied.shortcomings).toEqual([expect.stringMatching(/^180p cannot be encoded: /), said]);
      }
      expect(plan({ source, ladder: ['audio'] }).shortcomings).toEqual([]);
      const tracks = (other: 'avc' | 'hevc') =>
        plan({ source, ladder: ['source'], extraTracks: [{ trackId: 1, codec: other }] });
      expect(tracks('avc').shortcomings).toEqual([]);
      expect(tracks('hevc').shortcomings).toEqual([said]);
    },
  );

  it('serves what it can without FFmpeg, if FFmpeg cannot read the codec, and if the machine is full', () => {
    const without = plan({ ffmpeg: undefined });
    expect(modes(without)).toEqual(['source copy', 'audio copy']);
    expect(without.shortcomings).toEqual(['480p, 360p cannot be encoded: there is no FFmpeg']);
    const old = { ...MODERN, versionText: '5.1', enhancedRtmp: false };
    const hevc = plan({ ffmpeg: old, source: { video: { ...VIDEO, codec: 'hevc' }, audio: AAC } });
    expect(modes(hevc)).toEqual(['source copy', 'audio copy']);
    expect(hevc.shortcomings[0]).toContain('cannot read hevc');
    const full = plan({ mayEncodeVideo: false, refusal: 'busy' });
    expect(modes(full)).toEqual(['source copy', 'audio copy']);
    expect(full.shortcomings).toEqual(['480p, 360p cannot be encoded: busy']);
  });

  it('serves the source unchanged if it should have been encoded but cannot be', () => {
    const tenBit = { ...VIDEO, profile: 110, bitDepth: 10 };
    expect(modes(plan({ source: { video: tenBit }, ffmpeg: undefined }))).toEqual(['source copy']);
    expect(modes(plan({ ladder: ['480p'], mayEncodeVideo: false }))).toEqual(['source copy', 'audio copy']);
    // Without an encoder, only the publisher's own key frames can be used for cuts.
    expect(plan({ keyFrames: 'regular', mayEncodeVideo: false }).keyFrames).toBe('source');
    expect(modes(plan({ keyFrames: 'regular', ladder: ['source'] }))).toEqual(['source encode', 'audio copy']);
  });

  it('leaves out sound that cannot be encoded here, and packages sound that needs no encoding', () => {
    const mp3 = plan({ ffmpeg: undefined, ladder: ['source'], source: { video: VIDEO, audio: { codec: 'mp3' } } });
    expect(modes(mp3)).toEqual(['source copy']);
    expect(mp3.shortcomings).toHaveLength(1);
    const opus = plan({ ffmpeg: undefined, ladder: ['source'], source: { audio: { codec: 'opus', channels: 2 } } });
    expect(modes(opus)).toEqual(['audio copy']);
    expect(opus.shortcomings).toEqual([
      expect.stringMatching(
        /^the sound is Opus and goes out as it comes, because there is no FFmpeg: .*set the encoder to AAC-LC/,
      ),
    ]);
    const ac3 = plan({ ladder: ['source'], source: { audio: { codec: 'ac-3', channels: 2 } } });
    expect(ac3.shortcomings).toEqual([
      expect.stringContaining('cannot read it from FLV: not every browser plays AC-3'),
    ]);
    expect(() => plan({ ffmpeg: undefined, source: { audio: { codec: 'mp3' } } })).toThrow(
      expect.objectContaining({ code: 'pipeline.nothing-to-serve' }),
    );
  });

  it('encodes AAC that browsers do not play, and says which setting of the encoder avoids it', () => {
    const audio: SourceAudio = { ...AAC, channels: 4, channelConfiguration: 0 };
    const encoded = plan({ ladder: ['source'], source: { audio } });
    expect(encoded.renditions).toMatchObject([{ name: 'audio', mode: 'encode', channels: 2 }]);
    expect(encoded.shortcomings).toEqual([
      'the sound is encoded to AAC-LC, stereo: browsers do not play AAC whose 4 channels are listed in a program config element; ' +
        'set the encoder to AAC-LC, mono, stereo or 5.1, of 44100 or 48000 Hz',
    ]);
    const copied = plan({ ladder: ['source'], source: { audio }, ffmpeg: undefined });
    expect(modes(copied)).toEqual(['audio copy']);
    expect(copied.shortcomings[0]).toContain('there is no FFmpeg to encode it');
  });

  it('keeps the rungs that players have chosen when the publisher comes back smaller, without enlarging pictures', () => {
    const small = { ...VIDEO, width: 640, height: 360 };
    const back = plan({ source: { video: small, audio: AAC }, offered: ['480p', '360p'] });
    expect(byCost(back.renditions).map(({ name, width, height }) => `${name} ${width}x${height}`)).toEqual([
      '480p 640x360',
      '360p 640x360',
    ]);
    expect(modes(plan({ withdrawn: new Set(['480p']), offered: ['480p', '360p'] }))).toEqual([
      'source copy',
      '360p encode',
      'audio copy',
    ]);
  });

  it('C4.11 gives up the most expensive rung first, and the source last', () => {
    const all = plan({ keyFrames: 'regular' });
    expect(byCost(all.renditions).map(({ name }) => name)).toEqual(['480p', '360p', 'source']);
  });

  it('serves further tracks beside the source', () => {
    const { renditions } = periodPlan(
      plan({ ladder: ['source'], extraTracks: [{ trackId: 1, width: 640, height: 360 }] }),
    );
    expect(renditions.map(({ name, input }) => `${name} ${input}`)).toEqual([
      'source samples',
      'track1 samples',
      'audio samples',
    ]);
  });
});
