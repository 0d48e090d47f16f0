// Coded frames of real encoders, for the writers: as FFmpeg's FLV muxer or its MP4 muxer hands them over.

import { parseAudioTag } from '../../../src/protocols/flv/audio-tag.js';
import { FlvReader } from '../../../src/protocols/flv/flv-reader.js';
import { parseVideoTag } from '../../../src/protocols/flv/video-tag.js';
import {
  type AudioDescription,
  countSamples,
  type DescribedAudioCodec,
  describeAudio,
} from '../../../src/protocols/mp4/audio-description.js';
import { av1SampleData } from '../../../src/protocols/mp4/av1.js';
import { requireBox, walkBoxes } from '../../../src/protocols/mp4/boxes.js';
import type { Sample } from '../../../src/protocols/mp4/fragment.js';
import { FragmentReader } from '../../../src/protocols/mp4/fragment-reader.js';
import { writeFragment } from '../../../src/protocols/mp4/fragment-writer.js';
import { writeInitSegment } from '../../../src/protocols/mp4/init-segment-writer.js';
import {
  type DescribedVideoCodec,
  describeVideo,
  type VideoDescription,
} from '../../../src/protocols/mp4/video-description.js';
import { npmFfmpeg, runProgram } from '../../support/processes.js';

export interface RealTrack {
  readonly description: VideoDescription | AudioDescription;
  readonly timescale: number;
  readonly samples: readonly Sample[];
}

const PICTURES = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30', '-t', '1'];
const SOUND = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000', '-t', '1', '-ac', '2'];
const VIDEO_TIMESCALE = 90_000;
const FRAME_DURATION = VIDEO_TIMESCALE / 30;

async function encode(args: readonly string[]): Promise<Buffer> {
  return (await runProgram(npmFfmpeg(), ['-v', 'error', '-nostdin', ...args, 'pipe:1'])).stdout;
}

/** One second through FFmpeg's FLV muxer, described and timed as a publisher's would be. */
export async function videoFromFlv(codec: DescribedVideoCodec, args: readonly string[]): Promise<RealTrack> {
  const reader = new FlvReader();
  reader.push(await encode([...PICTURES, ...args, '-f', 'flv']));
  let configuration: Buffer | undefined;
  let keyFrame: Buffer | undefined;
  const samples: Sample[] = [];
  for (let flv = reader.next(); flv !== undefined; flv = reader.next()) {
    if (flv.type !== 'video') continue;
    const tag = parseVideoTag(flv.body);
    if (tag.packetType === 'sequence-header') configuration = tag.data;
    if (tag.packetType !== 'frames') continue;
    if (tag.keyFrame) keyFrame ??= tag.data;
    const data = codec === 'av1' ? av1SampleData(tag.data) : tag.data;
    const cts = Math.round(tag.compositionTime * 90);
    samples.push({ duration: FRAME_DURATION, size: data.length, cts, sync: tag.keyFrame, data });
  }
  return { description: describeVideo(codec, configuration, keyFrame), timescale: VIDEO_TIMESCALE, samples };
}

/** One second of AAC or MP3 through FFmpeg's FLV muxer, which knows no other codec that is packaged. */
export async function audioFromFlv(codec: 'aac' | 'mp3', args: readonly string[]): Promise<RealTrack> {
  const reader = new FlvReader();
  reader.push(await encode([...SOUND, ...args, '-f', 'flv']));
  let configuration: Buffer | undefined;
  const frames: Buffer[] = [];
  for (let flv = reader.next(); flv !== undefined; flv = reader.next()) {
    if (flv.type !== 'audio') continue;
    const tag = parseAudioTag(flv.body);
    if (tag.packetType === 'sequence-header') configuration = tag.data;
    if (tag.packetType === 'frames') frames.push(tag.data);
  }
  return audioTrack(codec, configuration, frames);
}

/** Opus, FLAC, AC-3 and E-AC-3: FFmpeg 7.0 writes them into MP4 only, so their sequence headers are made of its boxes. */
export async function audioFromMp4(codec: DescribedAudioCodec, args: readonly string[]): Promise<RealTrack> {
  const movflags = 'cmaf+frag_keyframe+delay_moov+default_base_moof';
  const reader = new FragmentReader();
  reader.push(await encode([...SOUND, ...args, '-f', 'mp4', '-movflags', movflags, '-use_editlist', '0']));
  const frames: Buffer[] = [];
  let configuration: Buffer | undefined;
  for (let event = reader.next(); event !== undefined; event = reader.next()) {
    if (event.type === 'init') configuration = sequenceHeader(codec, event.bytes);
    else for (const { data } of event.fragment.samples) frames.push(data);
  }
  return audioTrack(codec, configuration, frames);
}

function sequenceHeader(codec: DescribedAudioCodec, init: Buffer): Buffer | undefined {
  const stsd = requireBox(init, 'moov', 'trak', 'mdia', 'minf', 'stbl', 'stsd');
  for (const entry of walkBoxes(stsd.subarray(8))) {
    const boxes = entry.body.subarray(28);
    if (codec === 'opus') return opusHead(requireBox(boxes, 'dOps'));
    if (codec === 'flac') return Buffer.concat([Buffer.from('fLaC'), requireBox(boxes, 'dfLa').subarray(4)]);
  }
  return undefined;
}

/** dOps is OpusHead in the other byte order. */
function opusHead(dOps: Buffer): Buffer {
  const head = Buffer.alloc(19);
  head.write('OpusHead\u0001', 'latin1');
  head.writeUInt8(dOps.readUInt8(1), 9);
  head.writeUInt16LE(dOps.readUInt16BE(2), 10);
  head.writeUInt32LE(dOps.readUInt32BE(4), 12);
  head.writeInt16LE(dOps.readInt16BE(8), 16);
  head.writeUInt8(dOps.readUInt8(10), 18);
  return Buffer.concat([head, dOps.subarray(11)]);
}

function audioTrack(
  codec: DescribedAudioCodec,
  configuration: Buffer | undefined,
  frames: readonly Buffer[],
): RealTrack {
  const description = describeAudio(codec, configuration, frames[0]);
  const samples = frames.map((data): Sample => {
    const duration = countSamples(description, data);
    if (duration === undefined) throw new Error(`a ${codec} frame of ${data.length} bytes has no length`);
    return { duration, size: data.length, cts: 0, sync: true, data };
  });
  return { description, timescale: description.frameRateBase, samples };
}

/** The whole track as one file, in parts of so many samples. */
export function packageTrack({ description, timescale, samples }: RealTrack, partSize: number): Buffer {
  const out = [writeInitSegment({ trackId: 1, timescale, description })];
  let time = 0;
  for (let at = 0; at < samples.length; at += partSize) {
    const part = samples.slice(at, at + partSize);
    out.push(writeFragment({ sequenceNumber: out.length, trackId: 1, baseMediaDecodeTime: time, samples: part }));
    time += part.reduce((sum, { duration }) => sum + duration, 0);
  }
  return Buffer.concat(out);
}
