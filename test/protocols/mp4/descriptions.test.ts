// Codec strings and properties are derived from untrusted headers: valid ones give golden strings, all others one typed error.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../../../src/protocols/errors.js';
import {
  type AudioDescription,
  countSamples,
  type DescribedAudioCodec,
  describeAudio,
} from '../../../src/protocols/mp4/audio-description.js';
import { av1SampleData } from '../../../src/protocols/mp4/av1.js';
import { parseInitSegment } from '../../../src/protocols/mp4/init-segment.js';
import { writeInitSegment } from '../../../src/protocols/mp4/init-segment-writer.js';
import {
  type DescribedVideoCodec,
  describeVideo,
  type VideoDescription,
} from '../../../src/protocols/mp4/video-description.js';
import { AUDIO_CONFIGURATIONS, VIDEO_CONFIGURATIONS } from '../../vectors/track-configurations.js';
import { buildAvcC, buildSps } from './bit-writer.js';

const bytes = (hex: string | undefined): Buffer | undefined =>
  hex === undefined ? undefined : Buffer.from(hex, 'hex');

function typedErrorOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    expect(error.code).toMatch(/^mp4\./);
    return error.code;
  }
}

describe('describeVideo', () => {
  it.each(VIDEO_CONFIGURATIONS)('B2.01 $name', ({ codec, hex, frame, value }) => {
    const description = describeVideo(codec, bytes(hex), bytes(frame));
    expect(description).toMatchObject(value);
    // The record is complete: describing and writing it again gives the same result.
    const again = describeVideo(codec, description.record, bytes(frame));
    expect(again).toEqual(description);
  });

  it('A7.04 repairs an avcC: profile of the SPS, reserved bits, nothing after the last field', () => {
    const sps = buildSps({ chroma: { format: 1 }, level: 40, widthInMacroblocks: 120, heightInMapUnits: 68 });
    const sloppy = Buffer.from(buildAvcC([sps]));
    sloppy.set([66, 0xff, 10, 0x03, 0x01], 1);
    const { record, codecs } = describeVideo('avc', Buffer.concat([sloppy, Buffer.from('deadbeef', 'hex')]));
    expect(codecs).toBe('avc1.640028');
    expect(record.subarray(0, 6).toString('hex')).toBe('01640028ffe1');
    expect(record.subarray(-4).toString('hex')).toBe('fdf8f800');
  });

  it.each([
    ['hevc', undefined, 'mp4.hevc-configuration'],
    ['hevc', '02', 'mp4.hevc-configuration'],
    ['hevc', `01${'00'.repeat(20)}0300`, 'mp4.hevc-configuration'],
    ['hevc', `01${'00'.repeat(20)}0200`, 'mp4.hevc-configuration'],
    ['hevc', `01${'00'.repeat(20)}03012100010004420101ff`, 'mp4.sequence-parameter-set'],
    ['av1', undefined, 'mp4.av1-configuration'],
    ['av1', '8100', 'mp4.av1-configuration'],
    ['av1', '01000c00', 'mp4.av1-configuration'],
    ['av1', '81000c000aff', 'mp4.av1-configuration'],
    ['av1', '81000c008a00', 'mp4.av1-configuration'],
    ['vp9', undefined, 'mp4.vp9-configuration'],
    ['vp9', '0000', 'mp4.vp9-configuration'],
    ['vp9', '000a700101010000', 'mp4.vp9-configuration'],
    ['avc', undefined, 'mp4.avc-configuration'],
  ] as const)('C2.13 refuses %s %s with %s', (codec, hex, code) => {
    expect(typedErrorOf(() => describeVideo(codec, bytes(hex)))).toBe(code);
  });

  it('takes the temporal delimiter off an AV1 sample, without a copy', () => {
    const unit = Buffer.from('12000a0b', 'hex');
    expect(av1SampleData(unit).toString('hex')).toBe('0a0b');
    expect(av1SampleData(unit).buffer).toBe(unit.buffer);
    expect(av1SampleData(Buffer.from('320a', 'hex')).toString('hex')).toBe('320a');
    expect(av1SampleData(Buffer.alloc(0))).toHaveLength(0);
  });
});

describe('describeAudio', () => {
  it.each(AUDIO_CONFIGURATIONS)('B2.01 $name', ({ codec, hex, frame, value: { record, ...value } }) => {
    const description = describeAudio(codec, bytes(hex), bytes(frame));
    expect(description).toMatchObject(value);
    if (record !== undefined) expect(description.record.toString('hex')).toBe(record);
  });

  it.each([
    ['aac', undefined, undefined, 'mp4.audio-configuration'],
    ['opus', '4f7075', undefined, 'mp4.audio-configuration'],
    ['opus', `${Buffer.from('OpusHead').toString('hex')}0100380180bb0000000000`, undefined, 'mp4.audio-configuration'],
    [
      'opus',
      `${Buffer.from('OpusHead').toString('hex')}0106380180bb000000000104`,
      undefined,
      'mp4.audio-configuration',
    ],
    ['flac', '664c6143', undefined, 'mp4.audio-configuration'],
    ['flac', '00'.repeat(34), undefined, 'mp4.audio-configuration'],
    ['ac-3', undefined, undefined, 'mp4.audio-frame'],
    ['ac-3', undefined, '0b77', 'mp4.audio-frame'],
    ['ac-3', undefined, '0b77e1e7c040ebf8', 'mp4.audio-frame'],
    ['e-ac-3', undefined, '1234567890abcdef', 'mp4.audio-frame'],
    ['mp3', undefined, 'fffbf000', 'mp4.audio-frame'],
    ['mp3', undefined, '00', 'mp4.audio-frame'],
  ] as const)('C2.13 refuses %s %s %s with %s', (codec, hex, frame, code) => {
    expect(typedErrorOf(() => describeAudio(codec, bytes(hex), bytes(frame)))).toBe(code);
  });

  it.each([
    ['opus', 'f8', 960], // CELT 20 ms, one frame
    ['opus', 'f9aa', 1920], // two frames
    ['opus', 'fb06', 5760], // six frames: 120 ms
    ['opus', 'fb07', undefined], // more than a packet may hold
    ['opus', '1800', 2880], // SILK 60 ms
    ['opus', '', undefined],
    ['flac', 'fff85a8800374e', 4608],
    ['flac', 'fff86a880063', 100], // eight bits of size behind the frame number
    ['flac', 'fff87a8800018f', 400],
    ['flac', '0102', 4608], // unreadable: as the stream information says
    ['e-ac-3', '0b77017f3487c0002084210838008c06', 1536],
    ['e-ac-3', 'ffff', undefined],
  ] as const)('counts the samples of a message of %s %s: %s', (codec, hex, expected) => {
    const vector = AUDIO_CONFIGURATIONS.find((each) => each.codec === codec);
    if (vector === undefined) throw new Error(`no vector of ${codec}`);
    const description = describeAudio(codec, bytes(vector.hex), bytes(vector.frame));
    expect(countSamples(description, Buffer.from(hex, 'hex'))).toBe(expected);
  });
});

describe('noise', () => {
  const video = fc.constantFrom(...VIDEO_CONFIGURATIONS);
  const audio = fc.constantFrom(...AUDIO_CONFIGURATIONS);

  /** Some bytes changed, some cut off, some put in. */
  const damage = (hex: string): fc.Arbitrary<Buffer> => {
    const good = Buffer.from(hex, 'hex');
    return fc
      .tuple(
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.nat(good.length),
        fc.uint8Array({ maxLength: 4 }),
      )
      .map(([changes, at, noise]) => {
        const copy = Buffer.from(good);
        for (const [where, value] of changes) if (copy.length > 0) copy[where % copy.length] = value;
        return noise.length === 0
          ? copy.subarray(0, at)
          : Buffer.concat([copy.subarray(0, at), noise, copy.subarray(at)]);
      });
  };

  it('C2.13 video: any bytes end in a description that can be written and read back, or one typed error', () => {
    const input = video.chain(({ codec, hex = '', frame = '' }) =>
      fc.tuple(fc.constant(codec), damage(hex), damage(frame)),
    );
    fc.assert(
      fc.property(input, ([codec, configuration, frame]) => {
        typedErrorOf(() => checkRoundTrip(describeVideo(codec, configuration, frame)));
      }),
      { numRuns: 4000 },
    );
  });

  it('C2.13 audio: any bytes end in a description that can be written and read back, or one typed error', () => {
    const input = audio.chain(({ codec, hex, frame = '' }) =>
      fc.tuple(fc.constant(codec), hex === undefined ? fc.constant(undefined) : damage(hex), damage(frame)),
    );
    fc.assert(
      fc.property(input, ([codec, configuration, frame]) => {
        typedErrorOf(() => {
          const description = describeAudio(codec, configuration, frame);
          checkRoundTrip(description);
          const samples = countSamples(description, frame);
          if (samples !== undefined) expect(samples).toBeGreaterThanOrEqual(0);
        });
      }),
      { numRuns: 4000 },
    );
  });

  it('C2.13 random bytes alone', () => {
    const codecs: readonly DescribedVideoCodec[] = ['avc', 'hevc', 'av1', 'vp9'];
    const audioCodecs: readonly DescribedAudioCodec[] = ['aac', 'mp3', 'opus', 'flac', 'ac-3', 'e-ac-3'];
    const random = fc.uint8Array({ maxLength: 60 }).map((each) => Buffer.from(each));
    fc.assert(
      fc.property(fc.constantFrom(...codecs), fc.constantFrom(...audioCodecs), random, random, (codec, other, a, b) => {
        typedErrorOf(() => describeVideo(codec, a, b));
        typedErrorOf(() => describeAudio(other, a, b));
      }),
      { numRuns: 4000 },
    );
  });
});

function checkRoundTrip(description: VideoDescription | AudioDescription): void {
  const track = parseInitSegment(writeInitSegment({ trackId: 7, timescale: 90_000, description }));
  expect(track).toMatchObject({ trackId: 7, timescale: 90_000, codecs: description.codecs });
  if ('sarNum' in description) {
    expect(track).toMatchObject({ kind: 'video', width: description.width, height: description.height });
  } else {
    expect(track.kind).toBe('audio');
    expect(track.channels).toBe(description.channels);
  }
}

describe('writeInitSegment', () => {
  const hevc = VIDEO_CONFIGURATIONS[0];
  const description = describeVideo('hevc', bytes(hevc?.hex));

  it.each([...VIDEO_CONFIGURATIONS, ...AUDIO_CONFIGURATIONS])('reads back $name', (vector) => {
    const { hex, frame } = vector;
    const described = 'avc hevc av1 vp9'.split(' ').includes(vector.codec)
      ? describeVideo(vector.codec as DescribedVideoCodec, bytes(hex), bytes(frame))
      : describeAudio(vector.codec as DescribedAudioCodec, bytes(hex), bytes(frame));
    if ('sarNum' in described && described.width === undefined) {
      expect(typedErrorOf(() => checkRoundTrip(described))).toBe('mp4.track-description');
      return;
    }
    checkRoundTrip(described);
    const sampleRate = 'sarNum' in described ? undefined : described.sampleRate;
    const track = parseInitSegment(writeInitSegment({ trackId: 1, timescale: 1000, description: described }));
    expect(track.sampleRate).toBe(sampleRate);
  });

  it('writes the same bytes for the same track, and the colours of metadata before those of the bitstream', () => {
    const color = { primaries: 9, transfer: 18, matrix: 9, fullRange: false };
    const plain = writeInitSegment({ trackId: 1, timescale: 90_000, description });
    expect(writeInitSegment({ trackId: 1, timescale: 90_000, description }).equals(plain)).toBe(true);
    expect(plain.includes('colr')).toBe(false);
    const colored = writeInitSegment({ trackId: 1, timescale: 90_000, description, color });
    expect(colored.includes(Buffer.from(`${Buffer.from('colrnclx').toString('hex')}00090012000900`, 'hex'))).toBe(true);
    expect(parseInitSegment(colored).color).toEqual(color);
  });

  it.each([0, 1.5, -1, 2 ** 32])('refuses timescale and track ID %d', (value) => {
    expect(typedErrorOf(() => writeInitSegment({ trackId: 1, timescale: value, description }))).toBe(
      'mp4.track-description',
    );
    expect(typedErrorOf(() => writeInitSegment({ trackId: value, timescale: 1, description }))).toBe(
      'mp4.track-description',
    );
  });
});
