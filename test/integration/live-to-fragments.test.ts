// The modules between RTMP and HLS, joined by the real FFmpeg: the publisher's media must come out as fragments at the same times.
import { describe, expect, it } from 'vitest';
import { LiveStream } from '../../src/live/stream.js';
import type { LiveTag } from '../../src/live/tag.js';
import { FlvReader } from '../../src/protocols/flv/flv-reader.js';
import { FLV_HEADER, flvTag } from '../../src/protocols/flv/flv-writer.js';
import type { Fragment } from '../../src/protocols/mp4/fragment.js';
import { FragmentReader } from '../../src/protocols/mp4/fragment-reader.js';
import type { InitTrack } from '../../src/protocols/mp4/init-segment.js';
import { npmFfmpeg, runProgram } from '../support/processes.js';

/** FFmpeg encodes to FLV, and each tag is published as over RTMP, `offset` ms later; headers stay at 0, as encoders send them. */
async function publish(encode: readonly string[], offset = 0): Promise<{ stream: LiveStream; tags: LiveTag[] }> {
  const args = ['-v', 'error', '-nostdin', ...encode, '-f', 'flv', 'pipe:1'];
  const { stdout } = await runProgram(npmFfmpeg(), args);
  const stream = new LiveStream({ app: 'live', name: 'test', startedAt: 0 });
  const tags: LiveTag[] = [];
  stream.on({ onTag: (tag) => tags.push(tag) });
  const reader = new FlvReader();
  reader.push(stdout);
  for (let tag = reader.next(); tag !== undefined; tag = reader.next()) {
    const isHeader = tag.timestamp === 0 && (tag.type === 'script' || tag.body[1] === 0);
    stream.publish(tag.type, isHeader ? 0 : (tag.timestamp + offset) % 2 ** 32, tag.body);
  }
  return { stream, tags };
}

/** One track through FFmpeg, with the flags of production. */
async function fragment(tags: readonly LiveTag[], output: readonly string[], movflags = '') {
  const media = tags.filter(({ kind }) => kind !== 'script');
  const has = (kind: LiveTag['kind']): boolean => media.some((tag) => tag.kind === kind);
  const flv = [FLV_HEADER(has('audio'), has('video')), ...media.flatMap((tag) => flvTag(tag.kind, tag.dts, tag.body))];
  const input = [
    '-v',
    'error',
    '-nostdin',
    '-copyts',
    '-analyzeduration',
    '0',
    '-probesize',
    '100000',
    '-f',
    'flv',
    '-i',
    'pipe:0',
  ];
  const flags = `+cmaf+frag_keyframe+empty_moov+default_base_moof+frag_discont${movflags}`;
  const format = ['-f', 'mp4', '-movflags', flags, '-frag_duration', '470000', '-flush_packets', '1', 'pipe:1'];
  const { stdout } = await runProgram(npmFfmpeg(), [...input, ...output, ...format], Buffer.concat(flv));
  const reader = new FragmentReader();
  reader.push(stdout);
  let track: InitTrack | undefined;
  const fragments: Fragment[] = [];
  for (let event = reader.next(); event !== undefined; event = reader.next()) {
    if (event.type === 'init') track = event.track;
    else fragments.push(event.fragment);
  }
  if (track === undefined) throw new Error('no init segment');
  return { track, fragments };
}

const VIDEO = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30'];
const AUDIO = ['-f', 'lavfi', '-i', 'sine=sample_rate=48000'];
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '60', '-sc_threshold', '0'];

describe('live to fragments', () => {
  it.each([0, 20_000_000, 2 ** 32 - 2_000])(
    'A7.14 keeps the times of video and audio (offset %i ms)',
    async (offset) => {
      const { stream, tags } = await publish(
        [...VIDEO, ...AUDIO, '-t', '4', ...H264, '-c:a', 'aac', '-ac', '2'],
        offset,
      );
      expect(stream.statistics).toMatchObject({ repairedTimestamps: 0, discontinuities: 0, droppedTags: 0 });
      const keyFrames = tags
        .filter(({ keyFrame }) => keyFrame)
        .map(({ dts, compositionTime }) => dts + compositionTime);
      const video = await fragment(tags, ['-map', '0:v', '-c:v', 'copy']);
      const starts = video.fragments
        .filter(({ startsWithSync }) => startsWithSync)
        .map(({ baseMediaDecodeTime }) => (baseMediaDecodeTime * 1000) / video.track.timescale);
      expect(starts.map(Math.round)).toEqual(keyFrames);
      expect(video.fragments.flatMap(({ samples }) => samples)).toHaveLength(120);

      const frames = tags.filter(({ kind, sequenceHeader }) => kind === 'audio' && !sequenceHeader);
      const audio = await fragment(tags, ['-map', '0:a', '-c:a', 'copy'], '+frag_every_frame');
      expect(audio.fragments).toHaveLength(frames.length);
      for (const [index, { baseMediaDecodeTime }] of audio.fragments.entries()) {
        const sent = frames[index]?.dts ?? Number.NaN;
        expect(Math.abs((baseMediaDecodeTime * 1000) / audio.track.timescale - sent)).toBeLessThan(2);
      }
    },
  );

  it.each([
    ['mp3', ['-c:a', 'libmp3lame', '-ar', '44100', '-ac', '2']],
    ['g711-alaw', ['-c:a', 'pcm_alaw', '-ar', '8000', '-ac', '1']],
    ['g711-mulaw', ['-c:a', 'pcm_mulaw', '-ar', '8000', '-ac', '1']],
    ['pcm', ['-c:a', 'pcm_s16le', '-ar', '44100', '-ac', '2']],
    ['adpcm', ['-c:a', 'adpcm_swf', '-ar', '22050', '-ac', '1']],
    ['nellymoser', ['-c:a', 'nellymoser', '-ar', '22050', '-ac', '1']],
    // Speex is accepted too, but npm's FFmpeg has only a decoder for it, so no sample can be made.
  ])('A7.10 %s as published becomes AAC', async (codec, encoder) => {
    const { stream, tags } = await publish([...AUDIO, '-t', '1', ...encoder]);
    expect(stream.audioTrack?.codec).toBe(codec);
    const output = ['-map', '0:a', '-c:a', 'aac', '-ar', '48000', '-ac', '2'];
    const { track, fragments } = await fragment(tags, output, '+frag_every_frame');
    expect(track).toMatchObject({ codecs: 'mp4a.40.2', sampleRate: 48_000, channels: 2 });
    const seconds = fragments.reduce((sum, { duration }) => sum + duration, 0) / track.timescale;
    expect(seconds).toBeGreaterThan(0.9);
  });
});
