// Encoders that cannot be run here, as sequences of messages that are publicly known: from their source code if it is open, otherwise from reports of
// their users. A script contains only the peculiarities; video and audio are ordinary.
import { encodeAmf0 } from '../../src/protocols/amf/amf0-encoder.js';
import { writeAmf3 } from '../../src/protocols/amf/amf3-encoder.js';
import { AmfEcmaArray, type AmfValue, amfObject } from '../../src/protocols/amf/values.js';
import { ByteWriter } from '../../src/protocols/bytes/byte-writer.js';
import { HANDSHAKE_BYTES, plainHandshake, TestPeer } from '../protocols/rtmp/test-peer.js';
import { subMessage, u32, WireWriter } from '../protocols/rtmp/wire-writer.js';

import type { Codec } from './publishers.js';

type Properties = readonly (readonly [string, AmfValue])[];

export interface Command {
  readonly transactionId: number;
  /** The values after the command object, which is null except in connect. */
  readonly values?: AmfValue[];
  readonly object?: AmfValue;
  readonly chunkStreamId?: number;
  readonly messageStreamId?: number;
  readonly amf3?: boolean;
}

/** One side of a connection, written message by message. */
export class ScriptedEncoder {
  readonly peer = new TestPeer();
  readonly writer = new WireWriter();

  handshake(c2?: Buffer): this {
    const bytes = plainHandshake();
    c2?.copy(bytes, HANDSHAKE_BYTES - 1536);
    this.peer.send(bytes);
    return this;
  }

  chunkSize(size: number): this {
    this.message(1, u32(size), { chunkStreamId: 2, messageStreamId: 0 });
    this.writer.chunkSize = size;
    return this;
  }

  connect(properties: Properties, command: Partial<Command> = {}): this {
    return this.command('connect', { transactionId: 1, object: amfObject(properties), values: [], ...command });
  }

  command(name: string, command: Command): this {
    const { transactionId, object = null, values = [], chunkStreamId = 3, messageStreamId = 0, amf3 = false } = command;
    const body = encodeAmf0([name, transactionId, object, ...values]);
    // A command of type 17 is a command of type 20 after a byte that selects AMF0 (RTMP 1.0 7.1.1).
    const typed = amf3 ? Buffer.concat([Buffer.of(0), body]) : body;
    return this.message(amf3 ? 17 : 20, typed, { chunkStreamId, messageStreamId });
  }

  message(type: number, body: Buffer, { timestamp = 0, messageStreamId = 1, chunkStreamId = 4 } = {}): this {
    this.peer.send(this.writer.message({ chunkStreamId, timestamp, type, messageStreamId, body }));
    return this;
  }

  /** @throws if the server has not sent this answer, for which the encoder would wait for ever */
  awaitResult(transactionId: number): this {
    return this.#await(
      `_result ${transactionId}`,
      this.peer.commands.some((answer) => answer.name === '_result' && answer.transactionId === transactionId),
    );
  }

  awaitCommand(name: string): this {
    return this.#await(
      name,
      this.peer.commands.some((answer) => answer.name === name),
    );
  }

  awaitStatus(code: string): this {
    return this.#await(
      code,
      this.peer.statuses.some((status) => status.code === code),
    );
  }

  #await(what: string, there: boolean): this {
    if (!there) throw new Error(`the encoder waits for ${what}: ${this.peer.commands.map(({ name }) => name)}`);
    return this;
  }
}

/** The frames of a second of real media, from a recorded stream. */
export interface Media {
  readonly videoHeader: Buffer;
  readonly audioHeader: Buffer;
  readonly frames: readonly { readonly kind: 'audio' | 'video'; readonly timestamp: number; readonly body: Buffer }[];
}

export interface EncoderScript {
  readonly name: string;
  /** What is peculiar about it, and the lines of docs/interop.md that it proves. */
  readonly ids: string;
  /** What it sends, if not H.264. */
  readonly codec?: Codec;
  /** Codes of the expected log lines. Default none. */
  readonly warnings?: readonly string[];
  run(encoder: ScriptedEncoder, media: Media): void;
}

const SERVER_URL = 'rtmp://gateway.example/live';
const KEY = 'show?key=recorded';

/** releaseStream, FCPublish, createStream, publish with the transaction ids given. */
function publish(
  encoder: ScriptedEncoder,
  ids: { release: number; fcPublish: number; create: number; publish: number },
  { chunkStreamId = 3, messageStreamId = 1, type = 'live' as AmfValue } = {},
): void {
  encoder
    .command('releaseStream', { transactionId: ids.release, values: [KEY] })
    .command('FCPublish', { transactionId: ids.fcPublish, values: [KEY] })
    .command('createStream', { transactionId: ids.create })
    .awaitResult(ids.create)
    .command('publish', { transactionId: ids.publish, values: [KEY, type], chunkStreamId, messageStreamId })
    .awaitStatus('NetStream.Publish.Start');
}

function send(encoder: ScriptedEncoder, { videoHeader, audioHeader, frames }: Media, chunkStreamIds = [4, 4]): void {
  const [audio, video] = chunkStreamIds as [number, number];
  encoder.message(8, audioHeader, { chunkStreamId: audio }).message(9, videoHeader, { chunkStreamId: video });
  for (const { kind, timestamp, body } of frames) {
    const isVideo = kind === 'video';
    encoder.message(isVideo ? 9 : 8, body, { timestamp, chunkStreamId: isVideo ? video : audio });
  }
}

function leave(encoder: ScriptedEncoder, { messageStreamId = 1 as AmfValue, transactionId = 6 } = {}): void {
  encoder
    .command('FCUnpublish', { transactionId, values: [KEY] })
    .command('deleteStream', { transactionId: transactionId + 1, values: [messageStreamId] });
}

const fourCc = (prefix: number, name: string, ...rest: (Buffer | number[])[]): Buffer =>
  Buffer.concat([Buffer.of(prefix), Buffer.from(name), ...rest.map((part) => Buffer.from(part))]);

/** obs-outputs: a modified librtmp that sends its chunk size before connect, and metadata with twenty properties. */
const OBS_CONNECT: Properties = [
  ['app', 'live'],
  ['type', 'nonprivate'],
  ['flashVer', 'FMLE/3.0 (compatible; FMSc/1.0)'],
  ['swfUrl', SERVER_URL],
  ['tcUrl', SERVER_URL],
];

function obsMetadata(videocodecid: AmfValue): Buffer {
  return encodeAmf0([
    '@setDataFrame',
    'onMetaData',
    new AmfEcmaArray([
      ['duration', 0],
      ['fileSize', 0],
      ['width', 128],
      ['height', 96],
      ['videocodecid', videocodecid],
      ['videodatarate', 2500],
      ['framerate', 10],
      ['audiocodecid', 10],
      ['audiodatarate', 160],
      ['audiosamplerate', 48_000],
      ['audiosamplesize', 16],
      ['audiochannels', 2],
      ['stereo', true],
      ['2.1', false],
      ['3.1', false],
      ['4.0', false],
      ['4.1', false],
      ['5.1', false],
      ['7.1', false],
      ['encoder', 'obs-output module (libobs version 30.2.3)'],
    ]),
  ]);
}

function obs(encoder: ScriptedEncoder, videocodecid: AmfValue, body: () => void): void {
  encoder.handshake().chunkSize(4096).connect(OBS_CONNECT).awaitResult(1);
  publish(encoder, { release: 2, fcPublish: 3, create: 4, publish: 5 }, { chunkStreamId: 4 });
  encoder.message(18, obsMetadata(videocodecid));
  body();
  leave(encoder);
}

/** OBS sends HEVC and AV1 as Enhanced RTMP v1, unasked, and ends them with an empty end of sequence. */
function obsEnhanced(encoder: ScriptedEncoder, media: Media, name: 'hvc1' | 'av01'): void {
  obs(encoder, Buffer.from(name).readUInt32BE(), () => {
    send(encoder, media);
    encoder.message(9, fourCc(0x92, name), { timestamp: 2_000 });
  });
}

const FMLE_CONNECT: Properties = [
  ['app', 'live'],
  ['flashVer', 'FMLE/3.0 (compatible; FMSc/1.0)'],
  ['swfUrl', SERVER_URL],
  ['tcUrl', SERVER_URL],
];

const browserLike = (flashVer: string): Properties => [
  ['app', 'live'],
  ['flashVer', flashVer],
  ['tcUrl', SERVER_URL],
  ['fpad', false],
  ['capabilities', 239],
  ['audioCodecs', 3575],
  ['videoCodecs', 252],
  ['videoFunction', 1],
];

const stereo = amfObject([
  ['width', 128],
  ['height', 96],
  ['framerate', 10],
  ['stereo', true],
]);

export const ENCODER_SCRIPTS: readonly EncoderScript[] = [
  {
    name: 'OBS Studio, H.264',
    ids: 'A2.01 A4.09',
    run: (encoder, media) => obs(encoder, 7, () => send(encoder, media)),
  },
  {
    name: 'OBS Studio before 29, codec ids as text',
    ids: 'A6.07 A6.08',
    run: (encoder, media) => obs(encoder, 'avc1', () => send(encoder, media)),
  },
  {
    name: 'OBS Studio, HEVC',
    ids: 'A9.01 A9.10',
    codec: 'hevc',
    run: (encoder, media) => obsEnhanced(encoder, media, 'hvc1'),
  },
  {
    name: 'OBS Studio, AV1',
    ids: 'A9.01 A9.10',
    codec: 'av1',
    run: (encoder, media) => obsEnhanced(encoder, media, 'av01'),
  },
  {
    name: 'OBS Studio 29.1 beta, HEVC with frame type 0',
    ids: 'A9.05',
    codec: 'hevc',
    run: (encoder, media) =>
      obs(encoder, 12, () => {
        send(encoder, {
          ...media,
          frames: media.frames.map(({ kind, timestamp, body }) => {
            const isKeyFrame = kind === 'video' && (body[0] ?? 0) >> 4 === 9;
            const unmarked = Buffer.concat([Buffer.of(0x80 | ((body[0] ?? 0) & 0x0f)), body.subarray(1)]);
            return { kind, timestamp, body: isKeyFrame ? unmarked : body };
          }),
        });
      }),
  },
  {
    name: 'OBS Studio, a second sound track for recordings',
    ids: 'A9.09',
    warnings: ['live.extra-track'],
    run: (encoder, media) => {
      const second = (packetType: number, body: Buffer): Buffer =>
        fourCc(0x95, '', [packetType], Buffer.from('mp4a'), [1], body);
      obs(encoder, 7, () => {
        encoder.message(8, second(0, media.audioHeader.subarray(2)));
        send(encoder, media);
        for (const { kind, timestamp, body } of media.frames) {
          if (kind === 'audio') encoder.message(8, second(1, body.subarray(2)), { timestamp });
        }
      });
    },
  },
  {
    name: 'Flash Media Live Encoder 3.2',
    ids: 'A2.12 A4.05 A4.06 A4.22',
    run: (encoder, media) => {
      encoder.handshake().connect(FMLE_CONNECT).awaitResult(1);
      encoder.command('_checkbw', { transactionId: 2 }).awaitResult(2);
      publish(encoder, { release: 3, fcPublish: 4, create: 5, publish: 6 }, { chunkStreamId: 8 });
      encoder.awaitCommand('onFCPublish');
      encoder.message(18, encodeAmf0(['@setDataFrame', 'onMetaData', stereo]));
      send(encoder, media);
      encoder
        .command('FCUnpublish', { transactionId: 7, values: [KEY] })
        .command('closeStream', { transactionId: 0, chunkStreamId: 8, messageStreamId: 1 })
        .command('deleteStream', { transactionId: 8, values: [1] });
    },
  },
  {
    name: 'Wirecast, which publishes false to stop',
    ids: 'A4.14 A3.10',
    run: (encoder, media) => {
      encoder.handshake().connect(browserLike('Wirecast/FM 1.0 (compatible; FMSc/1.0)')).awaitResult(1);
      publish(encoder, { release: 2, fcPublish: 3, create: 4, publish: 5 });
      encoder.message(3, u32(3_500), { chunkStreamId: 2, messageStreamId: 0 });
      send(encoder, media, [4, 6]);
      encoder.command('publish', { transactionId: 6, values: [false], messageStreamId: 1 });
    },
  },
  {
    name: 'Blackmagic ATEM Mini and Web Presenter, which ping the server',
    ids: 'A3.06 A4.01',
    run: (encoder, media) => {
      encoder.handshake().connect(FMLE_CONNECT).awaitResult(1);
      const result = encoder.peer.commands.find(({ name }) => name === '_result');
      if (result?.messageStreamId !== 0) throw new Error('ATEM hears answers to connect on message stream 0 only');
      encoder.message(4, Buffer.from('0006deadbeef', 'hex'), { chunkStreamId: 2, messageStreamId: 0 });
      if (!encoder.peer.answers.some(({ type, body }) => type === 4 && body.toString('hex') === '0007deadbeef')) {
        throw new Error('no answer to the ping');
      }
      publish(encoder, { release: 2, fcPublish: 3, create: 4, publish: 5 });
      send(encoder, media, [4, 6]);
      leave(encoder);
    },
  },
  {
    name: 'DJI, which repeats headers before each key frame and brings metadata last',
    ids: 'A4.05 A6.05 A7.01',
    run: (encoder, media) => {
      encoder.handshake().connect(FMLE_CONNECT).awaitResult(1);
      encoder.command('getStreamLength', { transactionId: 2, values: [KEY] }).awaitResult(2);
      publish(encoder, { release: 3, fcPublish: 4, create: 5, publish: 6 });
      send(encoder, {
        ...media,
        frames: media.frames.flatMap((frame) =>
          frame.kind === 'video' && frame.body[0] === 0x17
            ? [{ ...frame, body: media.videoHeader }, { ...frame, kind: 'audio', body: media.audioHeader }, frame]
            : [frame],
        ),
      });
      encoder.message(18, encodeAmf0(['onMetaData', stereo]), { timestamp: 1_900 });
      leave(encoder);
    },
  },
  {
    name: 'GoPro and phones on a lost network: a FIN and nothing else',
    ids: 'A4.22 A4.12',
    run: (encoder, media) => {
      encoder.handshake().connect(FMLE_CONNECT).awaitResult(1);
      publish(encoder, { release: 2, fcPublish: 3, create: 4, publish: 5 }, { type: undefined });
      send(encoder, media);
      encoder.peer.session.end();
      encoder.peer.settle();
    },
  },
  {
    name: 'Teradek and Livestream Studio, which wait for onFCPublish before they create a stream',
    ids: 'A4.06',
    run: (encoder, media) => {
      encoder.handshake().connect(FMLE_CONNECT).awaitResult(1);
      encoder.command('releaseStream', { transactionId: 2, values: [KEY] }).awaitResult(2);
      encoder.command('FCPublish', { transactionId: 3, values: [KEY] }).awaitCommand('onFCPublish');
      encoder.command('createStream', { transactionId: 4 }).awaitResult(4);
      encoder
        .command('publish', { transactionId: 5, values: [KEY, 'live'], messageStreamId: 1 })
        .awaitStatus('NetStream.Publish.Start');
      send(encoder, media, [4, 6]);
      leave(encoder);
    },
  },
  {
    name: 'Haivision Makito, which checks its bandwidth first',
    ids: 'A4.05 A2.27',
    run: (encoder, media) => {
      encoder.handshake().connect(browserLike('HaivisionMakito/1.0')).awaitResult(1);
      encoder.message(6, Buffer.from('002625a002', 'hex'), { chunkStreamId: 2, messageStreamId: 0 });
      encoder.command('_checkbw', { transactionId: 2 }).awaitResult(2);
      encoder.command('checkBandwidth', { transactionId: 3 }).awaitResult(3);
      publish(encoder, { release: 4, fcPublish: 5, create: 6, publish: 7 });
      send(encoder, media, [4, 6]);
      leave(encoder);
    },
  },
  {
    name: 'Streamlabs for phones, whose C2 does not echo S1',
    ids: 'A1.07',
    run: (encoder, media) => {
      encoder.handshake(Buffer.alloc(1536, 0xa5)).chunkSize(65_536).connect(FMLE_CONNECT).awaitResult(1);
      publish(encoder, { release: 2, fcPublish: 3, create: 4, publish: 5 });
      send(encoder, media, [5, 6]);
      leave(encoder);
    },
  },
  {
    name: 'IP cameras: control messages anywhere, no metadata, chunk streams above 64, a timecode of four bytes',
    ids: 'A2.08 A2.24 A2.25 A6.02 A6.06',
    run: (encoder, media) => {
      encoder
        .handshake()
        .connect([
          ['app', 'live'],
          ['tcurl', `"${SERVER_URL}"`],
        ])
        .awaitResult(1);
      encoder.message(5, u32(2_500_000), { chunkStreamId: 4, messageStreamId: 1 });
      encoder.message(4, Buffer.from('001f00000001', 'hex'), { chunkStreamId: 4, messageStreamId: 1 });
      encoder.command('createStream', { transactionId: 2 }).awaitResult(2);
      encoder
        .command('publish', { transactionId: 3, values: [KEY, 'live'], messageStreamId: 1 })
        .awaitStatus('NetStream.Publish.Start');
      encoder.message(18, Buffer.from('00000001', 'hex'));
      send(encoder, media, [65, 400]);
      leave(encoder);
    },
  },
  {
    name: 'USB cameras and Uniview, which speak AMF3',
    ids: 'A4.19',
    run: (encoder, media) => {
      encoder.handshake().connect([...FMLE_CONNECT, ['objectEncoding', 3]]);
      encoder.awaitResult(1).command('createStream', { transactionId: 2, amf3: true }).awaitResult(2);
      encoder
        .command('publish', { transactionId: 3, values: [KEY, 'live'], messageStreamId: 1, amf3: true })
        .awaitStatus('NetStream.Publish.Start');
      const writer = new ByteWriter().u8(0x11);
      writeAmf3(writer, stereo);
      const properties = writer.toBuffer();
      encoder.message(15, Buffer.concat([Buffer.of(0), encodeAmf0(['@setDataFrame', 'onMetaData']), properties]));
      send(encoder, media);
      encoder.command('deleteStream', { transactionId: 4, values: [1], amf3: true });
    },
  },
  {
    name: 'Flash Media Server as a relay, which bundles messages',
    ids: 'A2.22',
    run: (encoder, media) => {
      encoder.handshake().chunkSize(4096).connect(browserLike('FMS/4,5,7,7009')).awaitResult(1);
      publish(encoder, { release: 2, fcPublish: 3, create: 4, publish: 5 });
      send(encoder, { ...media, frames: [] });
      const [first] = media.frames;
      const bundled = media.frames.map(({ kind, timestamp, body }) =>
        subMessage(kind === 'video' ? 9 : 8, timestamp, body),
      );
      for (let at = 0; at < bundled.length; at += 5) {
        const timestamp = media.frames[at]?.timestamp ?? first?.timestamp ?? 0;
        encoder.message(22, Buffer.concat(bundled.slice(at, at + 5)), { timestamp });
      }
      leave(encoder);
    },
  },
  {
    name: 'nginx-rtmp pushing on, which leaves with closeStream alone',
    ids: 'A4.22 A4.03',
    run: (encoder, media) => {
      encoder
        .handshake()
        .connect([
          ['app', 'live'],
          ['flashVer', 'LNX.11,1,102,55'],
          ['swfUrl', ''],
          ['tcUrl', SERVER_URL],
          ['pageUrl', ''],
        ])
        .awaitResult(1);
      encoder.command('createStream', { transactionId: 2 }).awaitResult(2);
      encoder
        .command('publish', { transactionId: 3, values: [KEY, 'live'], messageStreamId: 1 })
        .awaitStatus('NetStream.Publish.Start');
      send(encoder, media, [6, 7]);
      encoder.command('closeStream', { transactionId: 0, messageStreamId: 1 });
    },
  },
];
