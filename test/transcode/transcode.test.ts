// The properties of FFmpeg's output on which the gateway relies: the timeline, the parts and the key frames that the real FFmpeg makes from
// FLV.
import { describe, expect, it } from 'vitest';
import { evenFramesPerPart } from '../../src/protocols/frames-per-part.js';
import { VIDEO_TIMESCALE } from '../../src/protocols/units.js';
import { systemClock } from '../../src/system-clock.js';
import type { LadderOptions } from '../../src/transcode/ladder.js';
import { TranscodeSupervisor } from '../../src/transcode/supervisor.js';
import { strictDomain } from '../support/failure-domain.js';
import { npmFfmpeg } from '../support/processes.js';
import { type FlvSource, feedBuffers, makeFlvSource, planFor } from './flv-source.js';
import { silentLogger } from './silent-logger.js';
import { largestError, TrackRecorder } from './track-recorder.js';

/** FLV times are whole milliseconds. */
const ROUNDING = 1;
/** Milliseconds at 48 kHz. */
const AAC_FRAME = 1024 / 48;

/** Every rendition of the plan through one FFmpeg, as fast as possible. */
async function transcode(
  source: FlvSource,
  ladder: readonly string[],
  options: LadderOptions & { readonly ffmpegPath?: string } = {},
) {
  const plan = planFor(source, ladder, options);
  const tracks = new Map(plan.renditions.map(({ name }) => [name, new TrackRecorder()]));
  const failures: Error[] = [];
  const supervisor = new TranscodeSupervisor({
    clock: systemClock,
    domain: strictDomain(),
    ffmpeg: { path: options.ffmpegPath ?? npmFfmpeg() },
    plan,
    logger: silentLogger,
    onOutput: (rendition, bytes) => tracks.get(rendition)?.push(bytes),
    onStart: () => void supervisor.write(feedBuffers(source, plan)),
    onFailed: (error) => failures.push(error),
    firstPicture: () => source.keyFrameTimes[0],
    stopGrace: 20_000,
  });
  supervisor.start();
  await supervisor.stop();
  expect(failures).toEqual([]);
  expect(supervisor.state).toBe('stopped');
  return { plan, tracks, track: (name: string): TrackRecorder => tracks.get(name) ?? new TrackRecorder() };
}

describe('the media FFmpeg makes', () => {
  it.each([
    { rate: '24000/1001', frameRate: 23.976 },
    { rate: '24', frameRate: 24 },
    { rate: '25', frameRate: 25 },
    { rate: '30000/1001', frameRate: 29.97 },
    { rate: '30', frameRate: 30 },
    { rate: '50', frameRate: 50 },
    { rate: '60', frameRate: 60 },
  ])(
    'B1 A7.06 keeps the time of every frame, and puts the same number into each part at $rate/s',
    async ({ rate, frameRate }) => {
      const gop = Math.round(frameRate * 2);
      const source = await makeFlvSource({ rate, gop });
      expect(source.description.video?.frameRate).toBeCloseTo(frameRate, 2);
      const { plan, tracks } = await transcode(source, ['source', '144p', '96p']);
      expect(plan.renditions.map(({ name }) => name)).toEqual(['144p', '96p']);
      const frames = evenFramesPerPart({ partDuration: 0.5, segmentDuration: 2 }, frameRate);
      for (const track of tracks.values()) {
        expect(track.init?.timescale).toBe(VIDEO_TIMESCALE);
        expect(largestError(track.sortedTimes(), source.videoTimes)).toBeLessThan(0.1);
        expect(largestError(track.keyFrameTimes, source.keyFrameTimes)).toBeLessThan(0.1);
        for (const [index, fragment] of track.fragments.entries()) {
          const next = track.fragments[index + 1];
          // Only a fragment that a key frame or the end cuts off may be short.
          if (next !== undefined && !next.startsWithSync) expect(fragment.samples).toBe(frames);
          else expect(fragment.samples).toBeLessThanOrEqual(frames);
          if (next !== undefined) expect(next.start).toBeCloseTo(fragment.start + fragment.duration, 3);
          expect(fragment.presentationStart).toBe(fragment.start);
        }
      }
    },
  );

  it('A7.14 starts every track at its time on the stream timeline, even after an hour', async () => {
    const source = await makeFlvSource({ seconds: 2, offset: 3_600_000, audioCodec: 'libmp3lame' });
    const { track } = await transcode(source, ['source', '96p']);
    expect(track('96p').fragments[0]?.presentationStart).toBeCloseTo(source.videoTimes[0] ?? 0, 1);
    // The encoder emits one priming frame before the first.
    const audio = (track('audio').fragments[0]?.start ?? 0) - (source.audioTimes[0] ?? 0);
    expect(Math.abs(audio)).toBeLessThanOrEqual(AAC_FRAME + ROUNDING);
  });

  it('A7.12 serves a rung without any audio', async () => {
    const source = await makeFlvSource({ audio: false, seconds: 2 });
    const { track } = await transcode(source, ['source', '96p']);
    expect(largestError(track('96p').sortedTimes(), source.videoTimes)).toBeLessThan(0.1);
  });

  it('A7.12 keeps delivering video if the audio to be encoded comes three seconds late', async () => {
    const source = await makeFlvSource({ audioCodec: 'libmp3lame' });
    // Such audio has no sequence header: the frame by which its track was detected comes first.
    const [first] = source.media.filter((tag) => tag.type === 'audio');
    const media = source.media.filter((tag) => tag.type === 'video' || tag.timestamp > 4_000 || tag === first);
    const { track } = await transcode({ ...source, media }, ['source', '96p']);
    expect(largestError(track('96p').sortedTimes(), source.videoTimes)).toBeLessThan(0.1);
    // The gap is filled with silence.
    const audio = track('audio').times;
    expect(Math.abs((audio[0] ?? 0) - (source.audioTimes[0] ?? 0))).toBeLessThanOrEqual(AAC_FRAME + ROUNDING);
    for (const [index, time] of audio.slice(1).entries()) expect(time - (audio[index] ?? 0)).toBeCloseTo(AAC_FRAME, 1);
    expect(Math.abs((audio.at(-1) ?? 0) - (source.audioTimes.at(-1) ?? 0))).toBeLessThanOrEqual(3 * AAC_FRAME);
  });

  it.each([
    { codec: 'libmp3lame', name: 'mp3', sampleRate: 44_100, channels: 2 },
    { codec: 'pcm_alaw', name: 'g711-alaw', sampleRate: 8_000, channels: 1 },
    { codec: 'pcm_mulaw', name: 'g711-mulaw', sampleRate: 8_000, channels: 1 },
    { codec: 'pcm_s16le', name: 'pcm', sampleRate: 22_050, channels: 2 },
    { codec: 'adpcm_swf', name: 'adpcm', sampleRate: 44_100, channels: 2 },
    { codec: 'nellymoser', name: 'nellymoser', sampleRate: 22_050, channels: 1 },
  ])('A7.10 encodes $name to AAC at the same times, beside copied video', async ({ codec, name, ...format }) => {
    const source = await makeFlvSource({ audioCodec: codec, seconds: 2, ...format });
    expect(source.description.audio?.codec).toBe(name);
    const { plan, track } = await transcode(source, ['source']);
    expect(plan.renditions.map((spec) => spec.name)).toEqual(['audio']);
    const audio = track('audio');
    expect(audio.init).toMatchObject({ codecs: 'mp4a.40.2', sampleRate: 48_000, channels: 2 });
    expect(Math.abs((audio.times[0] ?? 0) - (source.audioTimes[0] ?? 0))).toBeLessThanOrEqual(AAC_FRAME + ROUNDING);
    // SWF's ADPCM has the largest packets: 93 ms.
    expect(Math.abs((audio.times.at(-1) ?? 0) - (source.audioTimes.at(-1) ?? 0))).toBeLessThanOrEqual(150);
    for (const { duration } of audio.fragments) expect(duration).toBeLessThanOrEqual(3 * AAC_FRAME + 0.1);
  });

  it.each(['libx265', 'libsvtav1', 'libvpx-vp9'] as const)(
    'A9 encodes H.264 rungs of %s, every picture and key frame at its own time',
    async (videoCodec) => {
      const source = await makeFlvSource({ videoCodec, seconds: 3, audio: false });
      const { track } = await transcode(source, ['source', '96p']);
      expect(track('96p').init?.codecs).toMatch(/^avc1\./);
      expect(largestError(track('96p').sortedTimes(), source.videoTimes)).toBeLessThan(0.1);
      expect(largestError(track('96p').keyFrameTimes, source.keyFrameTimes)).toBeLessThan(0.1);
    },
  );

  it('A7.16 forces key frames at multiples of the segment duration, also in an encoded source', async () => {
    const source = await makeFlvSource({ seconds: 7, gop: 1000, offset: 3_601_234, audio: false });
    expect(source.keyFrameTimes).toHaveLength(1);
    const { plan, tracks } = await transcode(source, ['source', '96p'], { keyFrames: 'regular' });
    expect(plan.renditions.map(({ name }) => name)).toEqual(['source', '96p']);
    const first = source.videoTimes[0] ?? 0;
    const firstAt = (time: number): number => source.videoTimes.find((one) => one >= time) ?? Number.NaN;
    const expected = [first, ...[3_602_000, 3_604_000, 3_606_000, 3_608_000].map(firstAt)];
    for (const track of tracks.values()) {
      expect(largestError(track.keyFrameTimes, expected)).toBeLessThan(0.1);
      expect(largestError(track.sortedTimes(), source.videoTimes)).toBeLessThan(0.1);
    }
  });

  it('A7.17 converts a 4:2:2 10-bit source into one that browsers can play', async () => {
    const source = await makeFlvSource({ seconds: 2, videoOptions: ['-pix_fmt', 'yuv422p10le'] });
    const { plan, track } = await transcode(source, ['source']);
    expect(plan.renditions).toMatchObject([{ name: 'source', mode: 'encode', width: 320, height: 180 }]);
    expect(track('source').init?.avc?.spsInfo).toMatchObject({
      chromaFormat: 1,
      bitDepthLuma: 8,
      width: 320,
      height: 180,
    });
  });

  it.each([
    { hdr: 'PQ', transfer: 'smpte2084' },
    { hdr: 'HLG', transfer: 'arib-std-b67' },
  ] as const)('turns HDR pictures ($hdr) into SDR ones, at their times', async ({ hdr, transfer }) => {
    const colors = `log-level=error:colorprim=bt2020:transfer=${transfer}:colormatrix=bt2020nc`;
    const made = await makeFlvSource({
      ...{ videoCodec: 'libx265', seconds: 2, audio: false },
      videoOptions: ['-pix_fmt', 'yuv420p10le', '-x265-params', colors],
    });
    const { video } = made.description;
    if (video === undefined) throw new Error('no video');
    const source = { ...made, description: { video: { ...video, bitDepth: 10, hdr } } };
    const { track } = await transcode(source, ['source', '144p']);
    // BT.709, which every screen shows. Unconverted, they would be announced as HDR with eight bits.
    expect(track('144p').init?.color).toMatchObject({ primaries: 1, transfer: 1, matrix: 1, fullRange: false });
    expect(track('144p').sortedTimes()).toHaveLength(source.videoTimes.length);
  });

  it('A7.17 deinterlaces an interlaced source and keeps the times of frames and key frames', async () => {
    const videoOptions = ['-flags', '+ilme+ildct', '-x264-params', 'tff=1', '-vf', 'interlace', '-bf', '0'];
    const source = await makeFlvSource({ seconds: 3, rate: '50', gop: 25, audio: false, videoOptions });
    expect(source.description.video?.interlaced).toBe(true);
    const { plan, track } = await transcode(source, ['source', '96p']);
    expect(plan.source.video?.interlaced).toBe(true);
    expect(largestError(track('96p').sortedTimes(), source.videoTimes)).toBeLessThan(0.1);
    expect(largestError(track('96p').keyFrameTimes, source.keyFrameTimes)).toBeLessThan(0.1);
  });

  it('A7.17 makes rungs with even sizes from a portrait source with odd sizes', async () => {
    const source = await makeFlvSource({ seconds: 2, size: '182x322' });
    const { track } = await transcode(source, ['source', '96p']);
    expect(track('96p').init).toMatchObject({ width: 96, height: 170 });
  });

  it('keeps its announced bitrate, although FFmpeg only guesses the frame rate', async () => {
    const source = await makeFlvSource({ size: '640x360', seconds: 6, videoOptions: ['-qp', '10'] });
    const { plan, track } = await transcode(source, ['240p']);
    const rung = plan.renditions[0];
    if (rung?.kind !== 'video') throw new Error('expected an encoded rung');
    const bits = track('240p').bytes * 8;
    expect(bits).toBeLessThanOrEqual(rung.maxrate * 6 + rung.bufsize);
    expect(bits).toBeGreaterThan(rung.bitrate * 6 * 0.75);
  });
});
