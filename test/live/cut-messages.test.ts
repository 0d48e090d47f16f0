// However an encoder cuts its pictures into messages, readers get each picture as one sample, as if it had come in one message.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { LiveStream } from '../../src/live/stream.js';
import type { LiveTag } from '../../src/live/tag.js';
import { Av1Bitstream } from '../../src/protocols/bitstream/av1-bitstream.js';
import { AvcBitstream } from '../../src/protocols/bitstream/avc-bitstream.js';
import type { Bitstream } from '../../src/protocols/bitstream/bitstream.js';
import { HevcBitstream } from '../../src/protocols/bitstream/hevc-bitstream.js';
import { FlvReader } from '../../src/protocols/flv/flv-reader.js';
import { parseVideoTag } from '../../src/protocols/flv/video-tag.js';
import { npmFfmpeg, runProgram } from '../support/processes.js';
import { STILL } from './media.js';

interface EncodedPicture {
  readonly timestamp: number;
  readonly compositionTime: number;
  readonly keyFrame: boolean;
  readonly units: readonly Buffer[];
}

interface Recording {
  readonly codec: 'avc' | 'hevc' | 'av1';
  readonly header: Buffer;
  readonly pictures: readonly EncodedPicture[];
}

const ENCODERS = {
  'H.264 with four slices': [
    'avc',
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-x264-params',
    'slices=4:aud=1:repeat-headers=1',
  ],
  'H.264 with B-frames and one slice': [
    'avc',
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-x264-params',
    'aud=1:repeat-headers=1:threads=1',
  ],
  'interlaced H.264': [
    'avc',
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-flags',
    '+ildct',
    '-x264-params',
    'interlaced=1:slices=2:repeat-headers=1',
  ],
  'HEVC with slices': [
    'hevc',
    '-c:v',
    'libx265',
    '-preset',
    'ultrafast',
    '-x265-params',
    'slices=2:aud=1:repeat-headers=1:log-level=none:bframes=2',
  ],
  AV1: ['av1', '-c:v', 'libaom-av1', '-usage', 'realtime', '-cpu-used', '8', '-tile-columns', '1'],
  'AV1 with frames that are not shown': [
    'av1',
    '-c:v',
    'libaom-av1',
    '-cpu-used',
    '8',
    '-lag-in-frames',
    '16',
    '-auto-alt-ref',
    '1',
  ],
} as const;

function bitstreamOf(codec: Recording['codec']): Bitstream {
  return codec === 'avc' ? new AvcBitstream() : codec === 'hevc' ? new HevcBitstream() : new Av1Bitstream();
}

async function record([codec, ...encoder]: readonly [Recording['codec'], ...string[]]): Promise<Recording> {
  const { stdout } = await runProgram(npmFfmpeg(), [
    ...['-v', 'error', '-nostdin', '-f', 'lavfi', '-i', 'testsrc2=size=256x160:rate=25', '-t', '1.2', '-g', '15'],
    ...['-pix_fmt', 'yuv420p', ...encoder, '-f', 'flv', 'pipe:1'],
  ]);
  const reader = new FlvReader();
  reader.push(stdout);
  const bitstream = bitstreamOf(codec);
  let header = Buffer.alloc(0);
  const pictures: EncodedPicture[] = [];
  for (let flv = reader.next(); flv !== undefined; flv = reader.next()) {
    if (flv.type !== 'video') continue;
    const { packetType, data, compositionTime, keyFrame } = parseVideoTag(flv.body);
    if (packetType === 'sequence-header') header = Buffer.from(flv.body);
    if (packetType !== 'frames') continue;
    const units = bitstream.split(Buffer.from(data))?.units ?? [];
    pictures.push({ timestamp: flv.timestamp, compositionTime, keyFrame, units });
  }
  return { codec, header, pictures };
}

interface Unit {
  readonly unit: Buffer;
  readonly picture: EncodedPicture;
}

const FOURCC = { avc: '', hevc: 'hvc1', av1: 'av01' } as const;

/** A message of these units, with the time of the picture to which its first slice belongs, and a meaningless flag. */
function message(codec: Recording['codec'], units: readonly Unit[], format: Format): [number, Buffer] {
  const { timestamp, compositionTime } = units[0]?.picture ?? { timestamp: 0, compositionTime: 0 };
  const data = units.flatMap(({ unit }) => {
    if (codec === 'av1') return [unit];
    if (format === 'start codes') return [Buffer.from([0, 0, 0, 1]), unit];
    const length = Buffer.alloc(4);
    length.writeUInt32BE(unit.length);
    return format === 'empty units' ? [Buffer.alloc(4), length, unit, Buffer.alloc(4)] : [length, unit];
  });
  if (codec === 'avc') {
    const head = Buffer.from([0x27, 1, 0, 0, 0]);
    head.writeIntBE(compositionTime, 2, 3);
    return [timestamp, Buffer.concat([head, ...data])];
  }
  const time = Buffer.alloc(codec === 'hevc' ? 3 : 0);
  if (codec === 'hevc') time.writeIntBE(compositionTime, 0, 3);
  const head = Buffer.concat([Buffer.from([0xa1]), Buffer.from(FOURCC[codec], 'latin1'), time]);
  return [timestamp, Buffer.concat([head, ...data])];
}

type Format = 'lengths' | 'start codes' | 'empty units';

function publish(recording: Recording, messages: readonly [number, Buffer][], withHeader: boolean) {
  const stream = new LiveStream({ app: 'live', name: 'a', startedAt: 0, clock: STILL });
  const tags: LiveTag[] = [];
  stream.on({ onTag: (tag) => tags.push(tag) });
  if (withHeader) stream.publish('video', 0, Buffer.from(recording.header));
  for (const [timestamp, body] of messages) stream.publish('video', timestamp, body);
  stream.end();
  return { stream, tags, pictures: tags.filter(({ sequenceHeader }) => !sequenceHeader) };
}

function seen(codec: Recording['codec'], tags: readonly LiveTag[]): unknown {
  const bitstream = bitstreamOf(codec);
  return tags.map(({ dts, compositionTime, keyFrame, data, body }) => ({
    time: dts - 1000,
    // Readers of bodies, such as RTMP viewers and FFmpeg, get the same.
    ...(parseVideoTag(body).data.subarray(-data.length).equals(data) && {
      compositionTime: compositionTime === parseVideoTag(body).compositionTime ? compositionTime : 'another one',
      keyFrame: keyFrame === parseVideoTag(body).keyFrame ? keyFrame : 'another flag',
    }),
    units: delimiterFirst(codec, bitstream.split(data)?.units ?? []),
  }));
}

/** FFmpeg puts the SEI that names x264 before the first delimiter; a joined picture begins with the delimiter. */
function delimiterFirst(codec: Recording['codec'], units: readonly Buffer[]): string[] {
  const bitstream = bitstreamOf(codec);
  const isFirst = new Map(units.map((unit) => [unit, bitstream.roleOf(unit) === 'delimiter' ? 0 : 1]));
  const sorted = [...units].sort((a, b) => (isFirst.get(a) ?? 1) - (isFirst.get(b) ?? 1));
  return sorted.map((unit) => unit.toString('base64'));
}

/** AV1: with size fields, as in the middle of a temporal unit, and without delimiters. */
function sent({ codec, pictures }: Recording): unknown {
  const bitstream = bitstreamOf(codec);
  const first = pictures[0]?.timestamp ?? 0;
  return pictures.map(({ timestamp, compositionTime, keyFrame, units }) => ({
    time: timestamp - first,
    compositionTime,
    keyFrame,
    units: delimiterFirst(codec, bitstream.split(Buffer.concat(bitstream.join(units)))?.units ?? []),
  }));
}

describe.each(Object.entries(ENCODERS))('%s', (_, encoder) => {
  let recording: Recording;
  let units: Unit[];
  beforeAll(async () => {
    recording = await record(encoder);
    units = recording.pictures.flatMap((picture) => picture.units.map((unit) => ({ unit, picture })));
  });

  const formats = fc.constantFrom<Format>('lengths', 'start codes', 'empty units');

  it('gives the same pictures when each unit comes in a message of its own', () => {
    fc.assert(
      fc.property(formats, fc.boolean(), (format, withHeader) => {
        const messages = units.map((unit) => message(recording.codec, [unit], format));
        const { stream, pictures } = publish(recording, messages, withHeader);
        expect(seen(recording.codec, pictures)).toEqual(sent(recording));
        expect(stream.videoTrack?.description).toMatchObject({ width: 256, height: 160 });
        expect(stream.statistics).toMatchObject({ parameterChanges: 0, droppedTags: 0 });
      }),
      { numRuns: 6 },
    );
  });

  it('gives the same pictures wherever each is cut', () => {
    const cuts = fc.array(fc.array(fc.nat(12), { maxLength: 5 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(cuts, formats, (cutting, format) => {
        const messages = recording.pictures.flatMap((picture, index) => {
          const places = new Set(
            cutting[index % cutting.length]?.map((cut) => cut % Math.max(1, picture.units.length)),
          );
          const groups: Unit[][] = [[]];
          picture.units.forEach((unit, at) => {
            if (at > 0 && places.has(at)) groups.push([]);
            groups.at(-1)?.push({ unit, picture });
          });
          return groups.map((group) => message(recording.codec, group, format));
        });
        const { pictures } = publish(recording, messages, true);
        expect(seen(recording.codec, pictures)).toEqual(sent(recording));
      }),
      { numRuns: 40 },
    );
  });

  it('gives the same pictures when messages end anywhere in one picture and begin anywhere in another', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(sizes, (groups) => {
        const messages: [number, Buffer][] = [];
        for (let at = 0, index = 0; at < units.length; index += 1) {
          const size = groups[index % groups.length] ?? 1;
          messages.push(message(recording.codec, units.slice(at, at + size), 'lengths'));
          at += size;
        }
        const { pictures } = publish(recording, messages, true);
        const samples = (all: unknown): unknown => (all as { units: unknown }[]).map((picture) => picture.units);
        expect(samples(seen(recording.codec, pictures))).toEqual(samples(sent(recording)));
      }),
      { numRuns: 40 },
    );
  });

  it('is emitted at once and unchanged if each message is a picture', () => {
    const stream = new LiveStream({ app: 'live', name: 'a', startedAt: 0, clock: STILL });
    const tags: LiveTag[] = [];
    stream.on({ onTag: (tag) => tags.push(tag) });
    stream.publish('video', 0, Buffer.from(recording.header));
    recording.pictures.forEach((picture, index) => {
      const [timestamp, body] = message(
        recording.codec,
        picture.units.map((unit) => ({ unit, picture })),
        'lengths',
      );
      stream.publish('video', timestamp, body);
      if (index < 2) return;
      const newest = tags.at(-1);
      expect(newest?.body).toBe(body);
      expect(newest?.data.buffer).toBe(body.buffer);
    });
    expect(tags).toHaveLength(1 + recording.pictures.length);
    expect(stream.statistics.repairs.has('pictures-in-pieces')).toBe(false);
  });
});
