// All parsers of bytes from unauthenticated peers, as targets of the fuzzer.
import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { decodeAmf0 } from '../../src/protocols/amf/amf0-decoder.js';
import { encodeAmf0 } from '../../src/protocols/amf/amf0-encoder.js';
import { readAmf3 } from '../../src/protocols/amf/amf3-decoder.js';
import { writeAmf3 } from '../../src/protocols/amf/amf3-encoder.js';
import { AmfBudget, DEFAULT_AMF_LIMITS } from '../../src/protocols/amf/budget.js';
import type { AmfValue } from '../../src/protocols/amf/values.js';
import { ByteReader } from '../../src/protocols/bytes/byte-reader.js';
import { ByteWriter } from '../../src/protocols/bytes/byte-writer.js';
import { parseAudioTag } from '../../src/protocols/flv/audio-tag.js';
import { parseVideoTag } from '../../src/protocols/flv/video-tag.js';
import { ChunkDecoder } from '../../src/protocols/rtmp/chunk-decoder.js';
import { ServerHandshake } from '../../src/protocols/rtmp/handshake.js';
import { DEFAULT_RTMP_LIMITS, HANDSHAKE_SIZE } from '../../src/protocols/rtmp/limits.js';
import type { RawMessage } from '../../src/protocols/rtmp/messages.js';
import { canonicalApp, canonicalStream } from '../../src/protocols/rtmp/stream-name.js';
import { MAX_PROXY_HEADER, readProxyHeader } from '../../src/servers/rtmp/proxy-header.js';
import { plainHandshake } from '../protocols/rtmp/test-peer.js';
import { AMF0_VECTORS } from '../vectors/amf0.js';
import { AMF3_VECTORS } from '../vectors/amf3.js';
import { AUDIO_VECTORS, VIDEO_VECTORS } from '../vectors/flv-tags.js';
import { jwtClaimsTarget, playTokenTarget, requestTarget, ticketTarget } from './access-targets.js';
import { bitstreamTarget } from './bitstream-target.js';
import { recordTarget } from './record-target.js';
import { chunkSeeds } from './seeds.js';
import { sessionTarget } from './session-target.js';
import { ensure, type FuzzTarget, read, text } from './target.js';

const fromHex = ({ hex }: { readonly hex: string }): Buffer => Buffer.from(hex, 'hex');
const fixedRandom = (size: number): Buffer => Buffer.alloc(size, 0x5a);

const handshake: FuzzTarget = {
  name: 'handshake',
  seeds: [
    plainHandshake(),
    Buffer.concat([plainHandshake(), Buffer.alloc(64, 2)]),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
  ],
  dictionary: [Buffer.of(3), Buffer.of(6), Buffer.of(0x16, 3, 1), Buffer.of(9, 0, 0x7c, 2), Buffer.alloc(32, 1)],
  maxBytes: 2 * HANDSHAKE_SIZE + 512,
  run(input) {
    const server = new ServerHandshake(fixedRandom);
    const cut = input.length === 0 ? 0 : (input[input.length - 1] ?? 0) * 13;
    let used = 0;
    const output: Buffer[] = [];
    for (const part of [input.subarray(0, cut), input.subarray(cut)]) {
      const consumed = read(() => server.receive(part));
      if (consumed === undefined) return;
      ensure(consumed >= 0 && consumed <= part.length, 'the handshake consumes what it was given, no more');
      ensure(consumed === part.length || server.done, 'only a complete handshake leaves bytes over');
      used += consumed;
      const answer = server.takeOutput();
      if (answer !== undefined) output.push(answer);
    }
    ensure(used <= 1 + 2 * HANDSHAKE_SIZE, 'the handshake has a fixed size');
    const answered = Buffer.concat(output).length;
    ensure(answered === 0 || answered === 1 + 2 * HANDSHAKE_SIZE, 'S0, S1 and S2 leave together');
    ensure(answered > 0 === used > HANDSHAKE_SIZE, 'the answer waits for all of C1');
  },
};

/** The first byte selects how the rest is cut, which must make no difference. */
const chunkDecoder: FuzzTarget = {
  name: 'chunk-decoder',
  seeds: chunkSeeds(),
  dictionary: [
    Buffer.of(0xc3),
    Buffer.of(0, 1, 2),
    Buffer.of(0xff, 0xff, 0xff),
    Buffer.from('02000000000004010000000000001000', 'hex'),
  ],
  maxBytes: 4096,
  run(input) {
    const step = 1 + (input[0] ?? 0);
    const bytes = input.subarray(1);
    const whole = decodeChunks([bytes]);
    const parts: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += step) parts.push(bytes.subarray(at, at + step));
    const cut = decodeChunks(parts);
    ensure(isDeepStrictEqual(cut.messages, whole.messages), 'cutting changes no message');
    ensure(cut.refused === whole.refused, 'cutting changes no refusal');
  },
};

function decodeChunks(parts: readonly Buffer[]): { messages: RawMessage[]; refused: boolean } {
  const decoder = new ChunkDecoder(DEFAULT_RTMP_LIMITS);
  const messages: RawMessage[] = [];
  let received = 0;
  for (const part of parts) {
    received += part.length;
    decoder.push(part);
    for (;;) {
      let refused = true;
      const message = read(() => {
        const next = decoder.next();
        refused = false;
        return next;
      });
      if (refused) return { messages, refused };
      ensure(decoder.pendingBytes <= DEFAULT_RTMP_LIMITS.maxPendingBytes, 'unfinished messages are bounded');
      ensure(decoder.pendingBytes <= 4 * received + 65_536, 'memory follows what was received, not what was announced');
      if (message === undefined) break;
      messages.push({ ...message, body: Buffer.from(message.body) });
    }
  }
  return { messages, refused: false };
}

const amf0: FuzzTarget = {
  name: 'amf0',
  seeds: AMF0_VECTORS.map(fromHex),
  dictionary: [
    Buffer.of(0, 0, 9),
    Buffer.of(8, 0, 0, 0, 1),
    Buffer.of(0x0a, 0xff, 0xff, 0xff, 0xff),
    Buffer.of(3),
    Buffer.of(0x11),
    Buffer.of(7, 0, 0),
    ...text('__proto__', 'onMetaData'),
  ],
  maxBytes: 2048,
  run(input) {
    const values = read(() => decodeAmf0(input));
    if (values === undefined) return;
    const again = read(() => encodeAmf0(values));
    if (again === undefined) return;
    // Compared as values or as bytes, because an invalid date is not equal to itself, and a NaN may have different bits.
    const second = decodeAmf0(again);
    const survived = isDeepStrictEqual(second, values) || encodeAmf0(second).equals(again);
    ensure(survived, 'what was decoded survives a round trip');
    ensure(Object.getPrototypeOf({}) === Object.prototype && !('polluted' in {}), 'no key reaches Object.prototype');
  },
};

const amf3: FuzzTarget = {
  name: 'amf3',
  seeds: AMF3_VECTORS.map(fromHex),
  dictionary: [
    Buffer.of(0x0a, 0x0b, 1),
    Buffer.of(9, 1, 1),
    Buffer.of(0x0c),
    Buffer.of(0x11),
    Buffer.of(0x0a, 0),
    Buffer.of(0xff, 0xff, 0xff, 0xff),
  ],
  maxBytes: 1024,
  run(input) {
    const value = read(() => readAmf3(new ByteReader(input), new AmfBudget(DEFAULT_AMF_LIMITS)));
    if (value === undefined) return;
    const again = read(() => encodedAmf3(value));
    if (again === undefined) return;
    const decoded = readAmf3(new ByteReader(again), new AmfBudget(DEFAULT_AMF_LIMITS));
    const survived = isDeepStrictEqual(decoded, value) || encodedAmf3(decoded).equals(again);
    ensure(survived, 'what was decoded survives a round trip');
  },
};

function encodedAmf3(value: AmfValue): Buffer {
  const writer = new ByteWriter();
  writeAmf3(writer, value);
  return writer.toBuffer();
}

const FOUR_CCS = text('avc1', 'hvc1', 'av01', 'vp09', 'vp08', 'vvc1', 'mp4a', 'Opus', 'fLaC', 'ac-3', 'ec-3', '.mp3');

const videoTag: FuzzTarget = {
  name: 'flv-video-tag',
  seeds: VIDEO_VECTORS.map(fromHex),
  dictionary: [...FOUR_CCS, Buffer.of(0x90), Buffer.of(0x97, 0), Buffer.of(0x96), Buffer.of(0x17, 1, 0, 0, 0)],
  maxBytes: 1024,
  run(input) {
    const tag = read(() => parseVideoTag(input));
    if (tag !== undefined) ensure(isViewOf(tag.data, input), 'the payload is a view of the message');
  },
};

const audioTag: FuzzTarget = {
  name: 'flv-audio-tag',
  seeds: AUDIO_VECTORS.map(fromHex),
  dictionary: [...FOUR_CCS, Buffer.of(0x90), Buffer.of(0x95), Buffer.of(0xaf, 0)],
  maxBytes: 1024,
  run(input) {
    const tag = read(() => parseAudioTag(input));
    if (tag !== undefined) ensure(isViewOf(tag.data, input), 'the payload is a view of the message');
  },
};

function isViewOf(view: Buffer, whole: Buffer): boolean {
  if (view.length === 0) return true;
  return (
    view.buffer === whole.buffer &&
    view.byteOffset >= whole.byteOffset &&
    view.byteOffset + view.length <= whole.byteOffset + whole.length
  );
}

const SAFE_NAME = /^[0-9A-Za-z_.][0-9A-Za-z_.-]{0,254}$/;

/** Application, key and tcUrl, with a NUL between them. */
const names: FuzzTarget = {
  name: 'stream-name',
  seeds: text(
    'live\0key?token=a%20b&x=1\0rtmp://h/live',
    'live/room\0sub/key',
    'live/_definst_\0mp4:key.flv',
    'live?x=1\0key\0rtmp://h/live?x=2',
    'live\0caf%C3%A9',
    '\0live/key/',
    'live\0key?authmod=adobe&user=u&challenge=c&response=r&opaque=o',
    "live\0?key=v\0'rtmp://h/live?key=w'",
  ),
  dictionary: text(
    '..',
    '%2e%2e',
    '%2F',
    '%00',
    '%zz',
    '//',
    '?',
    '&',
    '=',
    '\0',
    '_definst_',
    'mp4:',
    '.flv',
    '%252e',
  ),
  maxBytes: 600,
  run(input) {
    const [app = '', name = '', tcUrl] = input.toString('utf8').split('\0');
    const canonical = read(() => canonicalApp(app));
    if (canonical !== undefined) checkPath(canonical);
    const address = read(() => canonicalStream({ app, name, ...(tcUrl !== undefined && { tcUrl }) }));
    if (address === undefined) return;
    checkPath(address.app);
    ensure(SAFE_NAME.test(address.name) && !/^\.+$/.test(address.name), 'a name is safe as a file name');
    ensure(
      isDeepStrictEqual(
        { ...canonicalStream({ app: address.app, name: address.name }), query: '' },
        { ...address, query: '' },
      ),
      'a canonical address is its own canonical form',
    );
  },
};

function checkPath(app: string): void {
  ensure(app.length <= 255 && app !== '', 'an application has 1 to 255 bytes');
  for (const segment of app.split('/')) {
    ensure(SAFE_NAME.test(segment) && segment !== '.' && segment !== '..', 'each segment is safe as a directory name');
  }
}

const proxyHeader: FuzzTarget = {
  name: 'proxy-header',
  seeds: [
    Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 56324 1935\r\n'),
    Buffer.from('PROXY UNKNOWN\r\n'),
    Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000207c6336401dc04078f', 'hex'),
    Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex'),
  ],
  dictionary: [...text('TCP4', 'TCP6', 'PROXY ', '\r\n'), Buffer.of(0x21, 0x21), Buffer.of(0xff, 0xff)],
  maxBytes: 256,
  run(input) {
    const header = readProxyHeader(input);
    if (header === undefined || 'fault' in header) return;
    const { address, length } = header;
    ensure(length > 0 && length <= input.length && length <= MAX_PROXY_HEADER, 'a header is within what was read');
    ensure(address === undefined || isIP(address) !== 0, 'a client has an address');
    ensure(readProxyHeader(input.subarray(0, length - 1)) === undefined, 'a header is complete with its last byte');
  },
};

export const TARGETS: readonly FuzzTarget[] = [
  handshake,
  chunkDecoder,
  sessionTarget,
  amf0,
  amf3,
  videoTag,
  audioTag,
  recordTarget,
  bitstreamTarget,
  names,
  ticketTarget,
  playTokenTarget,
  requestTarget,
  jwtClaimsTarget,
  proxyHeader,
];
