// FLV as a publisher's encoder makes it, cut into tags on the stream timeline, for tests that feed FFmpeg.

import { parseAudioTag } from '../../src/protocols/flv/audio-tag.js';
import { FlvReader } from '../../src/protocols/flv/flv-reader.js';
import type { FlvTag } from '../../src/protocols/flv/flv-tag.js';
import { FLV_HEADER, flvTag } from '../../src/protocols/flv/flv-writer.js';
import { parseVideoTag } from '../../src/protocols/flv/video-tag.js';
import { describeSource, type SourceDescription } from '../../src/transcode/describe-source.js';
import { npmFfmpeg, runProgram } from '../support/processes.js';

export interface Pattern {
  readonly rate?: string;
  readonly size?: string;
  readonly seconds?: number;
  /** Frames between key frames. */
  readonly gop?: number;
  readonly video?: boolean;
  readonly audio?: boolean;
  readonly audioCodec?: 'aac' | 'libmp3lame';
  /** Milliseconds added to every timestamp. */
  readonly offset?: number;
  readonly videoOptions?: readonly string[];
}

export interface FlvSource {
  readonly description: SourceDescription;
  /** Body of the video sequence header; empty without video. */
  readonly videoHeader: Buffer;
  /** FLV header and sequence headers. */
  readonly head: readonly Buffer[];
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
  if (video) {
    encoders.push('-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-bf', '2', '-g', `${gop}`);
    encoders.push('-sc_threshold', '0', ...(pattern.videoOptions ?? []));
  }
  // 48 kHz is what FLV's own flags cannot say: they always claim 44.1 kHz for AAC.
  if (audio)
    encoders.push('-c:a', pattern.audioCodec ?? 'aac', '-ac', '2', '-ar', pattern.audioCodec ? '44100' : '48000');
  const { stdout } = await runProgram(npmFfmpeg(), [
    ...['-hide_banner', '-nostdin', '-loglevel', 'error'],
    ...inputs,
    ...encoders,
    ...['-t', `${seconds}`, '-flvflags', 'no_duration_filesize', '-f', 'flv', 'pipe:1'],
  ]);
  return readSource(stdout, offset);
}

function readSource(flv: Buffer, offset: number): FlvSource {
  const reader = new FlvReader();
  reader.push(flv);
  const headers = new Map<string, Buffer>();
  const media: FlvTag[] = [];
  const videoTimes: number[] = [];
  const keyFrameTimes: number[] = [];
  const audioTimes: number[] = [];
  let firstAudio: Buffer | undefined;
  for (let tag = reader.next(); tag !== undefined; tag = reader.next()) {
    const shifted = { ...tag, timestamp: tag.timestamp + offset };
    if (tag.type === 'video') {
      const { packetType, compositionTime, keyFrame } = parseVideoTag(tag.body);
      if (packetType === 'sequence-header') headers.set('video', tag.body);
      if (packetType !== 'frames') continue;
      media.push(shifted);
      videoTimes.push(shifted.timestamp + compositionTime);
      if (keyFrame) keyFrameTimes.push(shifted.timestamp + compositionTime);
    } else if (tag.type === 'audio') {
      const { packetType } = parseAudioTag(tag.body);
      if (packetType === 'sequence-header') headers.set('audio', tag.body);
      if (packetType !== 'frames') continue;
      // As the pipeline does: nothing before the first key frame.
      if (headers.has('video') && videoTimes.length === 0) continue;
      firstAudio ??= tag.body;
      media.push(shifted);
      audioTimes.push(shifted.timestamp);
    }
  }
  const videoHeader = headers.get('video');
  const audioHeader = headers.get('audio');
  const description = describeSource({
    ...(videoHeader === undefined ? {} : { videoHeader }),
    ...(audioHeader === undefined && firstAudio === undefined ? {} : { audioHeader: audioHeader ?? firstAudio }),
  } as Parameters<typeof describeSource>[0]);
  return {
    description,
    videoHeader: videoHeader ?? Buffer.alloc(0),
    head: [
      FLV_HEADER(firstAudio !== undefined, videoHeader !== undefined),
      ...(videoHeader === undefined ? [] : flvTag('video', 0, videoHeader)),
      ...(audioHeader === undefined ? [] : flvTag('audio', 0, audioHeader)),
    ],
    media,
    videoTimes: videoTimes.sort((a, b) => a - b),
    keyFrameTimes,
    audioTimes,
  };
}

export function tagBuffers(tag: FlvTag): readonly Buffer[] {
  return flvTag(tag.type, tag.timestamp, tag.body);
}
