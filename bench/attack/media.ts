// Media for the attackers: real encodings by FFmpeg, and a few records that no encoder would write.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { FlvReader } from '../../src/protocols/flv/flv-reader.js';
import type { FlvTag } from '../../src/protocols/flv/flv-tag.js';
import type { Target } from './peer.js';

export interface Picture {
  readonly size: string;
  readonly seconds: number;
  readonly bitrate?: string;
  readonly audioBitrate?: string;
  /** Seconds between key frames. */
  readonly keyFrames?: number;
}

const ENCODER = [
  ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-sc_threshold', '0'],
  ...['-c:a', 'aac', '-ac', '2'],
];

export function pictureArguments(
  { size, seconds, bitrate = '400k', audioBitrate = '64k', keyFrames = 1 }: Picture,
  realTime = false,
): string[] {
  const pace = realTime ? ['-re'] : [];
  return [
    ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-y'],
    ...[...pace, '-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25`],
    ...[...pace, '-f', 'lavfi', '-i', 'sine=440:sample_rate=48000'],
    ...(Number.isFinite(seconds) ? ['-t', `${seconds}`] : []),
    ...[
      ...ENCODER,
      '-b:v',
      bitrate,
      '-b:a',
      audioBitrate,
      '-g',
      `${25 * keyFrames}`,
      '-keyint_min',
      `${25 * keyFrames}`,
    ],
    ...['-f', 'flv', '-flvflags', 'no_duration_filesize'],
  ];
}

export async function runFfmpeg(ffmpeg: string, args: readonly string[]): Promise<void> {
  const child = spawn(ffmpeg, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`ffmpeg exited ${code}: ${stderr.slice(-2000)}`);
}

export async function encode(ffmpeg: string, directory: string, picture: Picture): Promise<FlvTag[]> {
  const file = join(directory, `${picture.size}-${picture.seconds}.flv`);
  await runFfmpeg(ffmpeg, [...pictureArguments(picture), file]);
  const reader = new FlvReader();
  reader.push(readFileSync(file));
  const tags: FlvTag[] = [];
  for (let tag = reader.next(); tag !== undefined; tag = reader.next()) tags.push(tag);
  return tags;
}

/** Everything that a real encoder sent for a publish, byte by byte, from the handshake to the end. */
export async function record(ffmpeg: string, gateway: Target, streamKey: string, picture: Picture): Promise<Buffer> {
  const sent: Buffer[] = [];
  const proxy = createServer((encoder) => {
    const upstream = connect(gateway);
    encoder.on('data', (bytes) => sent.push(bytes));
    encoder.pipe(upstream);
    upstream.pipe(encoder);
    encoder.on('error', () => upstream.destroy());
    upstream.on('error', () => encoder.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  await runFfmpeg(ffmpeg, [...pictureArguments(picture), `rtmp://127.0.0.1:${port}/live/${streamKey}`]);
  proxy.close();
  return Buffer.concat(sent);
}

/** Replaces a text by one of the same length, so that all lengths around it stay correct. */
export function renamed(bytes: Buffer, from: string, to: string): Buffer {
  if (from.length !== to.length) throw new Error(`${from} and ${to} differ in length`);
  const copy = Buffer.from(bytes);
  let found = 0;
  for (let at = copy.indexOf(from); at >= 0; at = copy.indexOf(from, at + 1)) {
    copy.write(to, at, 'latin1');
    found++;
  }
  if (found === 0) throw new Error(`no ${from} in the capture`);
  return copy;
}

export const isSequenceHeader = ({ type, body }: FlvTag): boolean =>
  type === 'video' ? body[1] === 0 && (body[0] ?? 0) < 0x80 : type === 'audio' && body[1] === 0;
export const isKeyFrame = (tag: FlvTag): boolean =>
  tag.type === 'video' && (tag.body[0] ?? 0) >> 4 === 1 && !isSequenceHeader(tag);

class BitWriter {
  #bits = '';

  u(count: number, value: number): this {
    this.#bits += value.toString(2).padStart(count, '0');
    return this;
  }

  /** Exp-Golomb, ITU-T H.264 9.1. */
  ue(value: number): this {
    const code = (value + 1).toString(2);
    this.#bits += '0'.repeat(code.length - 1) + code;
    return this;
  }

  bytes(): Buffer {
    const bits = `${this.#bits}1`;
    const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '0');
    return Buffer.from(padded.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []);
  }
}

/** AVCDecoderConfigurationRecord of a constrained baseline stream of this size, in macroblocks (H.264 7.3.2.1.1). */
export function avcConfiguration(widthInMbs: number, heightInMbs: number): Buffer {
  const fields = new BitWriter()
    .ue(0)
    .ue(0)
    .ue(2)
    .ue(1)
    .u(1, 0)
    .ue(widthInMbs - 1)
    .ue(heightInMbs - 1);
  const rest = fields.u(1, 1).u(1, 1).u(1, 0).u(1, 0).bytes();
  const sps = Buffer.concat([Buffer.of(0x67, 66, 0xc0, 62), rest]);
  const pps = Buffer.of(0x68, 0xce, 0x3c, 0x80);
  const length = (unit: Buffer) => Buffer.of(unit.length >> 8, unit.length & 0xff);
  return Buffer.concat([Buffer.of(1, 66, 0xc0, 62, 0xff, 0xe1), length(sps), sps, Buffer.of(1), length(pps), pps]);
}

/** FLV video body. @param packet 0: sequence header, 1: a frame */
export function avcBody(packet: 0 | 1, keyFrame: boolean, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.of(keyFrame ? 0x17 : 0x27, packet, 0, 0, 0), payload]);
}

/** One NAL unit with its length in front, as in an MP4 sample. */
export function nalUnit(type: number, payload: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(payload.length + 1);
  return Buffer.concat([length, Buffer.of(0x60 | type), payload]);
}
