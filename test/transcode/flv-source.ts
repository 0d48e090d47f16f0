// FLV as a publisher's encoder makes it, split into tags on the stream timeline, for tests that feed FFmpeg.

import { parseAudioTag } from '../../src/protocols/flv/audio-tag.js';
import { FlvReader } from '../../src/protocols/flv/flv-reader.js';
import type { FlvTag } from '../../src/protocols/flv/flv-tag.js';
import { FLV_HEADER, flvTag } from '../../src/protocols/flv/flv-writer.js';
import { parseVideoTag } from '../../src/protocols/flv/video-tag.js';
import { describeSource, type SourceDescription, type SourceTracks } from '../../src/transcode/describe-source.js';
import { fitLadder, type LadderOptions } from '../../src/transcode/ladder.js';
import { encodedRenditions, fedTracks, type TranscodePlan } from '../../src/transcode/rendition-spec.js';
import { npmFfmpeg, runProgram } from '../support/processes.js';

export interface Pattern {
  readonly rate?: string;
  readonly size?: string;
  readonly seconds?: number;
  /** Frames between key frames. */
  readonly gop?: number;
  readonly video?: boolean;
  readonly audio?: boolean;
  /** One of FFmpeg's encoders. */
  readonly videoCodec?: 'libx264' | 'libx265' | 'libsvtav1' | 'libvpx-vp9';
  readonly audioCodec?: string;
  /** Hz. */
  readonly sampleRate?: number;
  readonly channels?: number;
  /** Milliseconds added to every timestamp. */
  readonly offset?: number;
  readonly videoOptions?: readonly string[];
}

export interface FlvSource {
  readonly description: SourceDescription;
  /** Body of the video sequence header; empty without video. */
  readonly videoHeader: Buffer;
  readonly audioHeader: Buffer;
  /** From the first key frame on, if there is video. */
  readonly media: readonly FlvTag[];
  /** Milliseconds, ascending. */
  readonly videoTimes: readonly number[];
  readonly keyFrameTimes: readonly number[];
  readonly audioTimes: readonly number[];
}

/** B-frames, whole-millisecond timestamps, audio and video interleaved: what OBS sends. */
export async function makeFlvSource(pattern: Pattern = {}): Promise<FlvSource> {
  const { rate = '25', size = '320x180', seconds = 4, gop = 50, video = true, audio = true, offset = 1000 } = pattern;
  const inputs: string[] = [];
  if (video) inputs.push('-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}`);
  if (audio) inputs.push('-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100');
  const encoders: string[] = [];
  if (video)
    encoders.push(...videoEncoder(pattern), '-pix_fmt', 'yuv420p', '-g', `${gop}`, ...(pattern.videoOptions ?? []));
  // 48 kHz cannot be expressed by FLV's own flags, which always claim 44.1 kHz for AAC.
  const { audioCodec = 'aac', sampleRate = audioCodec === 'aac' ? 48_000 : 44_100, channels = 2 } = pattern;
  if (audio) encoders.push('-c:a', audioCodec, '-ac', `${channels}`, '-ar', `${sampleRate}`, '-strict', '-2');
  const { stdout } = await runProgram(npmFfmpeg(), [
    ...['-hide_banner', '-nostdin', '-loglevel', 'error'],
    ...inputs,
    ...encoders,
    ...['-t', `${seconds}`, '-flvflags', 'no_duration_filesize', '-f', 'flv', 'pipe:1'],
  ]);
  return readSource(stdout, offset, size);
}

/** With B-frames if the codec has them, and with no key frames except those requested. */
function videoEncoder({ videoCodec = 'libx264' }: Pattern): string[] {
  switch (videoCodec) {
    case 'libx264':
      return ['-c:v', videoCodec, '-preset', 'ultrafast', '-bf', '2', '-sc_threshold', '0'];
    case 'libx265':
      return ['-c:v', videoCodec, '-preset', 'ultrafast', '-x265-params', 'log-level=error:bframes=2:scenecut=0'];
    case 'libsvtav1':
      return ['-c:v', videoCodec, '-preset', '13'];
    case 'libvpx-vp9':
      return ['-c:v', videoCodec, '-deadline', 'realtime', '-cpu-used', '8'];
  }
}

function readSource(flv: Buffer, offset: number, size: string): FlvSource {
  const reader = new FlvReader();
  reader.push(flv);
  const headers = new Map<string, Buffer>();
  const media: FlvTag[] = [];
  const videoTimes: number[] = [];
  const keyFrameTimes: number[] = [];
  const audioTimes: number[] = [];
  let video: SourceTracks['video'];
  let audio: SourceTracks['audio'];
  const [width, height] = size.split('x').map(Number);
  for (let tag = reader.next(); tag !== undefined; tag = reader.next()) {
    const shifted = { ...tag, timestamp: tag.timestamp + offset };
    if (tag.type === 'video') {
      const { codec, packetType, compositionTime, keyFrame, data } = parseVideoTag(tag.body);
      if (packetType === 'sequence-header') {
        headers.set('video', tag.body);
        video = { codec, configuration: data, description: { width, height, frameRate: undefined } };
      }
      if (packetType !== 'frames') continue;
      media.push(shifted);
      videoTimes.push(shifted.timestamp + compositionTime);
      if (keyFrame) keyFrameTimes.push(shifted.timestamp + compositionTime);
    } else if (tag.type === 'audio') {
      const { codec, packetType, data } = parseAudioTag(tag.body);
      if (packetType === 'sequence-header') {
        headers.set('audio', tag.body);
        audio = { codec, configuration: data };
      }
      if (packetType !== 'frames') continue;
      // Like the pipeline: nothing before the first key frame.
      if (headers.has('video') && videoTimes.length === 0) continue;
      audio ??= { codec };
      media.push(shifted);
      audioTimes.push(shifted.timestamp);
    }
  }
  return {
    description: describeSource({ ...(video && { video }), ...(audio && { audio }) }),
    videoHeader: headers.get('video') ?? Buffer.alloc(0),
    audioHeader: headers.get('audio') ?? Buffer.alloc(0),
    media,
    videoTimes: videoTimes.sort((a, b) => a - b),
    keyFrameTimes,
    audioTimes,
  };
}

export function planFor(
  source: FlvSource,
  ladder: readonly string[],
  options: LadderOptions & { readonly partDuration?: number; readonly segmentDuration?: number } = {},
): TranscodePlan {
  return {
    source: source.description,
    renditions: encodedRenditions(fitLadder(ladder, source.description, options)),
    partDuration: options.partDuration ?? 0.5,
    segmentDuration: options.segmentDuration ?? 2,
    keyFrames: options.keyFrames ?? 'source',
  };
}

/**
 * FLV header and sequence headers of the tracks that the plan feeds. Audio without a sequence header is announced by its first frame: if
 * one is known it comes first, so that FFmpeg need not wait for the next.
 */
export function headBuffers(source: FlvSource, plan: TranscodePlan): Buffer[] {
  const fed = fedTracks(plan);
  const header = (type: 'video' | 'audio', body: Buffer) => (body.length > 0 ? flvTag(type, 0, body) : []);
  return [
    FLV_HEADER(fed.audio, fed.video),
    ...(fed.video ? header('video', source.videoHeader) : []),
    ...(fed.audio ? header('audio', source.audioHeader) : []),
  ];
}

/** The tags that the plan feeds, without headers. */
export function fedMedia(source: FlvSource, plan: TranscodePlan): FlvTag[] {
  const fed = fedTracks(plan);
  return source.media.filter(({ type }) => (type === 'video' ? fed.video : fed.audio));
}

/** Everything that a pipeline writes from start to end. */
export function feedBuffers(source: FlvSource, plan: TranscodePlan): Buffer[] {
  return [...headBuffers(source, plan), ...fedMedia(source, plan).flatMap(tagBuffers)];
}

export function tagBuffers(tag: FlvTag): readonly Buffer[] {
  return flvTag(tag.type, tag.timestamp, tag.body);
}
