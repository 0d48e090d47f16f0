// Parameter sets are accepted wherever an encoder puts them, and a change of them gives one new header, wherever it is sent.
import { beforeAll, describe, expect, it } from 'vitest';
import { LiveStream } from '../../src/live/stream.js';
import type { LiveTag } from '../../src/live/tag.js';
import { FlvReader } from '../../src/protocols/flv/flv-reader.js';
import { parseVideoTag } from '../../src/protocols/flv/video-tag.js';
import { parseHevcDecoderConfigurationRecord } from '../../src/protocols/mp4/hevc.js';
import { buildSps } from '../protocols/mp4/bit-writer.js';
import { npmFfmpeg, runProgram } from '../support/processes.js';
import { SPS_320, SPS_640, STILL, videoHeader } from './media.js';

function newStream() {
  const stream = new LiveStream({ app: 'live', name: 'a', startedAt: 0, clock: STILL });
  const tags: LiveTag[] = [];
  stream.on({ onTag: (tag) => tags.push(tag) });
  const headers = (): LiveTag[] => tags.filter(({ sequenceHeader }) => sequenceHeader);
  const repairs = (): string[] => [...stream.statistics.repairs.keys()];
  return { stream, tags, headers, repairs };
}

const PPS = Buffer.from([0x68, 0xce, 0x3c, 0x80]);
const OTHER_PPS = Buffer.from([0x68, 0xce, 0x38, 0x80]);
const SECOND_PPS = Buffer.from([0x68, 0x5a, 0x3c, 0x80]);
const IDR = Buffer.from([0x65, 0x88, 0x84, 0x21]);
const SLICE = Buffer.from([0x41, 0x9a, 0x21]);
const startCodes = (...units: Buffer[]): Buffer =>
  Buffer.concat(units.flatMap((unit, index) => [Buffer.from(index === 0 ? [0, 0, 0, 1] : [0, 0, 1]), unit]));
const lengths = (...units: Buffer[]): Buffer =>
  Buffer.concat(units.flatMap((unit) => [Buffer.from([0, 0, unit.length >> 8, unit.length & 0xff]), unit]));
const header = (data: Buffer): Buffer => Buffer.concat([Buffer.from('1700000000', 'hex'), data]);
const frame = (...units: Buffer[]): Buffer => Buffer.concat([Buffer.from('2701000000', 'hex'), lengths(...units)]);
const avcC = (sps: readonly Buffer[], pps: readonly Buffer[]): Buffer => {
  const sets = (all: readonly Buffer[]): Buffer[] =>
    all.flatMap((set) => [Buffer.from([set.length >> 8, set.length]), set]);
  const head = Buffer.from([1, 66, 0, 31, 0xff, 0xe0 | sps.length]);
  return Buffer.concat([head, ...sets(sps), Buffer.from([pps.length]), ...sets(pps)]);
};
const GOOD = avcC([SPS_320], [PPS]);

describe('H.264 sequence headers', () => {
  it.each([
    ['start codes', startCodes(SPS_320, PPS), ['header-rewritten']],
    ['lengths', lengths(SPS_320, PPS), ['header-rewritten']],
    ['a record whose sets have start codes', avcC([startCodes(SPS_320)], [startCodes(PPS)]), ['header-rewritten']],
    ['a record', GOOD, []],
  ])('become the record that decoders read: %s', (_, data, expected) => {
    const { stream, tags, repairs } = newStream();
    stream.publish('video', 0, header(data));
    stream.publish('video', 0, frame(IDR));
    stream.publish('video', 40, frame(SLICE));
    expect(tags.map(({ sequenceHeader, keyFrame }) => [sequenceHeader, keyFrame])).toEqual([
      [true, false],
      [false, true],
      [false, false],
    ]);
    expect(tags[0]?.body.subarray(0, 5).toString('hex')).toBe('1700000000');
    expect(tags[0]?.data.subarray(5).toString('hex')).toBe(GOOD.subarray(5).toString('hex'));
    expect(repairs().filter((kind) => kind !== 'key-frame-flags')).toEqual(expected);
  });

  it.each([
    ['that are empty', Buffer.from([1, 66, 0, 31, 0xff, 0xe0, 0]), SPS_320, PPS],
    ['with an SPS alone', startCodes(SPS_320), PPS],
  ] as [string, Buffer, ...Buffer[]][])('%s wait for the pictures', (_, data, ...sets) => {
    const { stream, tags } = newStream();
    stream.publish('video', 0, header(data));
    expect(tags).toEqual([]);
    stream.publish('video', 0, frame(...sets, IDR));
    stream.publish('video', 40, frame(SLICE));
    expect(tags[0]?.data.subarray(5).toString('hex')).toBe(GOOD.subarray(5).toString('hex'));
    expect(tags).toHaveLength(3);
  });

  it('may come in two messages, again and again', () => {
    const { stream, tags, headers } = newStream();
    for (let time = 0; time < 400; time += 80) {
      stream.publish('video', time, header(SPS_320));
      stream.publish('video', time, header(PPS));
      stream.publish('video', time, frame(IDR));
      stream.publish('video', time + 40, frame(SLICE));
    }
    expect(headers().map(({ data }) => data.toString('hex'))).toEqual([GOOD.toString('hex')]);
    expect(tags).toHaveLength(11);
    expect(stream.statistics.parameterChanges).toBe(0);
  });

  it('are made again if the pictures have another SPS of the same size, although the encoder keeps repeating its old one', () => {
    const { stream, tags, headers } = newStream();
    const other = buildSps({ widthInMacroblocks: 20, heightInMapUnits: 15, level: 40 });
    stream.publish('video', 0, header(GOOD));
    stream.publish('video', 0, frame(SPS_320, PPS, IDR));
    stream.publish('video', 40, frame(SLICE));
    expect(headers()).toHaveLength(1);
    for (let time = 80; time < 400; time += 80) {
      stream.publish('video', time, header(GOOD));
      stream.publish('video', time, frame(other, PPS, IDR));
      stream.publish('video', time + 40, frame(SLICE));
    }
    expect(headers().map(({ changed }) => changed)).toEqual([false, true]);
    expect(stream.videoTrack?.description.codecs).toBe('avc1.420028');
    expect(tags.at(3)).toBe(headers()[1]);
  });

  it('add a further PPS; one that comes with another picture than a key frame counts from the next key frame on', () => {
    const { stream, headers } = newStream();
    stream.publish('video', 0, header(GOOD));
    stream.publish('video', 0, frame(IDR));
    stream.publish('video', 40, frame(SECOND_PPS, SLICE));
    stream.publish('video', 80, frame(SLICE));
    expect(headers()).toHaveLength(1);
    stream.publish('video', 120, frame(IDR));
    expect(headers().map(({ data }) => data.toString('hex'))).toEqual([
      GOOD.toString('hex'),
      avcC([SPS_320], [PPS, SECOND_PPS]).toString('hex'),
    ]);
  });

  it('add a PPS that comes between the slices of a picture', () => {
    const { stream, headers } = newStream();
    stream.publish('video', 0, header(GOOD));
    stream.publish('video', 0, frame(IDR));
    // first_mb_in_slice of the second slice is not 0.
    stream.publish('video', 40, frame(SLICE, SECOND_PPS, Buffer.from([0x41, 0x4d, 0x21])));
    stream.publish('video', 80, frame(IDR));
    // It has fewer slices than the previous one, so it waits for more of them.
    stream.end();
    expect(headers()).toHaveLength(2);
    expect(headers()[1]?.data.includes(SECOND_PPS)).toBe(true);
  });

  it('are not sent for ever if the parameter sets change with each key frame', () => {
    const { stream, headers, repairs } = newStream();
    stream.publish('video', 0, header(GOOD));
    for (let round = 0; round < 40; round += 1) {
      stream.publish('video', 80 * round, frame(SPS_320, round % 2 === 0 ? PPS : OTHER_PPS, IDR));
      stream.publish('video', 80 * round + 40, frame(SLICE));
    }
    expect(headers()).toHaveLength(4);
    expect(repairs()).toContain('parameter-sets-vary');
    expect(stream.statistics.videoFrames).toBe(80);
    // A changed size always needs a new header, however often it changes.
    stream.publish('video', 4_000, frame(SPS_640, PPS, IDR));
    expect(headers()).toHaveLength(5);
  });

  it('apply to the pictures after them: a held picture is emitted before', () => {
    const { stream, tags } = newStream();
    stream.publish('video', 0, videoHeader());
    stream.publish('video', 0, frame(IDR));
    stream.publish('video', 40, videoHeader(SPS_640));
    expect(tags.map(({ sequenceHeader }) => sequenceHeader)).toEqual([true, false, true]);
  });
});

describe('key frames', () => {
  it('are recognized by their slices, whatever the flag says', () => {
    const { stream, tags, repairs } = newStream();
    const flagged = (flag: number, ...units: Buffer[]): Buffer => {
      const body = frame(...units);
      body[0] = flag;
      return body;
    };
    stream.publish('video', 0, header(GOOD));
    stream.publish('video', 0, flagged(0x17, SLICE));
    stream.publish('video', 40, flagged(0x27, IDR));
    stream.publish('video', 80, flagged(0x17, SLICE));
    stream.publish('video', 120, flagged(0x27, IDR));
    expect(tags.map(({ keyFrame, body }) => [keyFrame, body[0]])).toEqual([
      [false, 0x17],
      [true, 0x17],
      [false, 0x27],
      [true, 0x17],
    ]);
    expect(repairs()).toEqual(['key-frame-flags']);
    expect(stream.statistics).toMatchObject({ keyFrames: 2, droppedTags: 1 });
  });

  it('are not messages without a slice, whatever the flag says', () => {
    const { stream, tags } = newStream();
    stream.publish('video', 0, header(GOOD));
    for (const units of [[SPS_320], [PPS], [Buffer.from('0605010280', 'hex')], [Buffer.from('0910', 'hex')]]) {
      const body = frame(...units);
      body[0] = 0x17;
      stream.publish('video', 0, body);
    }
    stream.end();
    expect(tags).toHaveLength(1);
  });

  it('wait 0.2 s for missing pieces while audio comes, and not at all when messages are known to be whole', () => {
    let now = 0;
    const stream = new LiveStream({ app: 'live', name: 'a', startedAt: 0, clock: { now: () => now } });
    const pictures: number[] = [];
    stream.on({
      onTag: ({ kind, sequenceHeader, dts }) => void (kind === 'video' && !sequenceHeader && pictures.push(dts)),
    });
    stream.publish('audio', 0, Buffer.from('af001190', 'hex'));
    stream.publish('video', 0, header(GOOD));
    stream.publish('video', 0, frame(IDR));
    for (now = 50; now <= 200; now += 50) stream.publish('audio', now, Buffer.from('af0121', 'hex'));
    expect(pictures).toEqual([]);
    now = 201;
    stream.publish('audio', 250, Buffer.from('af0121', 'hex'));
    expect(pictures).toHaveLength(1);
    stream.publish('video', 1_000, frame(SLICE));
    expect(pictures).toHaveLength(2);
  });

  it('have lengths as in the sequence header, even if the encoder uses others', () => {
    const { stream, tags, repairs } = newStream();
    const lying = Buffer.from(GOOD);
    lying[4] = 0xfd;
    stream.publish('video', 0, header(lying));
    stream.publish('video', 0, frame(IDR));
    stream.publish('video', 40, frame(SLICE));
    expect(tags.slice(1).map(({ data }) => data.toString('hex'))).toEqual(['000465888421', '0003419a21']);
    expect(repairs()).toContain('other-lengths');
  });

  it('are left out and reported if their message ends inside a NAL unit', () => {
    const { stream, tags, repairs } = newStream();
    stream.publish('video', 0, header(GOOD));
    stream.publish('video', 0, frame(IDR));
    stream.publish('video', 40, frame(SLICE).subarray(0, -1));
    stream.publish('video', 80, frame(SLICE));
    expect(tags).toHaveLength(3);
    expect(repairs()).toContain('broken-units');
  });
});

interface Encoded {
  readonly header: Buffer;
  readonly frames: readonly Buffer[];
}

async function encode(codec: string, size: string, ...options: string[]): Promise<Encoded> {
  const { stdout } = await runProgram(npmFfmpeg(), [
    ...['-v', 'error', '-nostdin', '-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25`, '-t', '0.4', '-g', '5'],
    ...['-pix_fmt', 'yuv420p', '-c:v', codec, ...options, '-f', 'flv', 'pipe:1'],
  ]);
  const reader = new FlvReader();
  reader.push(stdout);
  const bodies: Buffer[] = [];
  for (let tag = reader.next(); tag !== undefined; tag = reader.next()) {
    if (tag.type === 'video') bodies.push(Buffer.from(tag.body));
  }
  const isHeader = (body: Buffer): boolean => parseVideoTag(body).packetType === 'sequence-header';
  const frames = bodies.filter((body) => parseVideoTag(body).packetType === 'frames');
  return { header: bodies.find(isHeader) ?? Buffer.alloc(0), frames };
}

describe('HEVC and AV1 without a sequence header', () => {
  let hevc: Encoded;
  let small: Encoded;
  let large: Encoded;
  beforeAll(async () => {
    const av1 = ['-usage', 'realtime', '-cpu-used', '8'];
    [hevc, small, large] = await Promise.all([
      encode('libx265', '320x180', '-preset', 'ultrafast', '-x265-params', 'repeat-headers=1:log-level=none'),
      encode('libaom-av1', '160x96', ...av1),
      encode('libaom-av1', '320x180', ...av1),
    ]);
  });

  it.each(['Enhanced RTMP', 'codec id 12'])('HEVC gets one made from its own parameter sets (%s)', (head) => {
    const legacy = (body: Buffer): Buffer => {
      const { compositionTime, data } = parseVideoTag(body);
      const start = Buffer.from([0x2c, 1, 0, 0, 0]);
      start.writeIntBE(compositionTime, 2, 3);
      return Buffer.concat([start, data]);
    };
    const withHeader = newStream();
    const without = newStream();
    withHeader.stream.publish('video', 0, Buffer.from(hevc.header));
    hevc.frames.forEach((body, index) => {
      withHeader.stream.publish('video', index * 40, Buffer.from(body));
      without.stream.publish('video', index * 40, head === 'codec id 12' ? legacy(body) : Buffer.from(body));
    });
    const pictures = ({ tags }: typeof without): unknown =>
      tags.filter(({ sequenceHeader }) => !sequenceHeader).map(({ body, keyFrame, dts }) => [body, keyFrame, dts]);
    expect(pictures(without)).toEqual(pictures(withHeader));
    const [made, sent] = [without, withHeader].map(({ headers }) => headers()[0]?.data ?? Buffer.alloc(0));
    const read = (record: Buffer | undefined) => parseHevcDecoderConfigurationRecord(record ?? Buffer.alloc(0));
    expect(read(made).arrays.filter(({ type }) => type < 39)).toEqual(
      read(sent).arrays.filter(({ type }) => type < 39),
    );
    expect([read(made).temporalLayers, read(made).temporalIdNested]).toEqual([1, true]);
    expect(without.repairs()).toContain('header-made');
    expect(without.stream.videoTrack?.description.codecs).toBe(withHeader.stream.videoTrack?.description.codecs);
  });

  it('AV1 gets one made from the sequence header in its first key frame, and another when that changes', () => {
    const { stream, headers, tags, repairs } = newStream();
    const all = [...small.frames, ...large.frames];
    all.forEach((body, index) => {
      stream.publish('video', index * 40, Buffer.from(body));
    });
    stream.end();
    expect(headers().map(({ changed, body }) => [changed, body.subarray(0, 5).toString('latin1')])).toEqual([
      [false, '\x90av01'],
      [true, '\x90av01'],
    ]);
    expect(tags.indexOf(headers()[1] as LiveTag)).toBe(1 + small.frames.length);
    expect(stream.videoTrack?.description).toMatchObject({ width: 320, height: 180 });
    expect(stream.statistics).toMatchObject({ videoFrames: all.length, droppedTags: 0 });
    expect(repairs()).toEqual(expect.arrayContaining(['header-made', 'temporal-delimiters']));
  });

  it('AV1 accepts the bare sequence header OBU as a record, and refuses anything else', () => {
    const { stream, headers, repairs } = newStream();
    const record = parseVideoTag(small.header).data;
    const obu = record.subarray(4);
    stream.publish('video', 0, Buffer.concat([Buffer.from('\x90av01', 'latin1'), obu]));
    expect(headers()[0]?.data.equals(record)).toBe(true);
    expect(repairs()).toEqual(['header-rewritten']);
    const broken = Buffer.concat([Buffer.from('\x90av01', 'latin1'), Buffer.from('ffff', 'hex')]);
    expect(() => newStream().stream.publish('video', 0, broken)).toThrow(
      expect.objectContaining({ code: 'live.video-configuration' }),
    );
  });

  it('AV1 with an outdated record is noticed as well', () => {
    const { stream, headers } = newStream();
    stream.publish('video', 0, Buffer.from(small.header));
    [...small.frames, ...large.frames].forEach((body, index) => {
      stream.publish('video', index * 40, Buffer.from(body));
    });
    stream.end();
    expect(headers()).toHaveLength(2);
    expect(stream.videoTrack?.description).toMatchObject({ width: 320, height: 180 });
  });

  it('AV1 samples have no temporal delimiter, and bodies are unchanged', () => {
    const { stream, tags } = newStream();
    const sent = small.frames.map((body) => Buffer.from(body));
    stream.publish('video', 0, Buffer.from(small.header));
    sent.forEach((body, index) => {
      stream.publish('video', index * 40, body);
    });
    stream.end();
    const pictures = tags.slice(1);
    pictures.forEach(({ body }, index) => {
      expect(body).toBe(sent[index]);
    });
    expect(pictures).toHaveLength(sent.length);
    expect(pictures.every(({ data }) => (data[0] ?? 0) >> 3 !== 2)).toBe(true);
  });
});
