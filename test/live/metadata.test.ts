// Metadata comes in every form that AMF allows, and none of it may do harm.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMetadata, liveMetadata, readMetadataHints } from '../../src/live/metadata.js';
import { decodeAmf0 } from '../../src/protocols/amf/amf0-decoder.js';
import { encodeAmf0 } from '../../src/protocols/amf/amf0-encoder.js';
import { AmfEcmaArray, amfObject } from '../../src/protocols/amf/values.js';
import { metadata } from './media.js';

describe('readMetadataHints', () => {
  it('A6.01 reads objects and ECMA arrays', () => {
    const entries = [
      ['width', 1280],
      ['framerate', 29.97],
      ['encoder', 'obs-output module'],
    ] as const;
    const expected = { width: 1280, frameRate: 29.97, encoder: 'obs-output module' };
    expect(readMetadataHints(encodeAmf0(['onMetaData', amfObject(entries)]))).toEqual(expected);
    expect(readMetadataHints(encodeAmf0(['onMetaData', new AmfEcmaArray(entries)]))).toEqual(expected);
  });

  it('A6.03 ignores impossible values', () => {
    const lies = metadata({ width: -5, height: 1e9, framerate: Number.NaN, videodatarate: 'fast', audiochannels: 0 });
    expect(readMetadataHints(lies)).toEqual({});
  });

  it.each([
    ['numbers of FLV', 7, 10],
    ['FourCC as numbers, as FFmpeg writes HEVC', 1_752_589_105, 1_836_069_985],
    ['FourCC as text, as OBS writes it', 'avc1', 'mp4a'],
    ['null, as some cameras do', null, null],
  ])('A6.07 reads the other fields whatever the form of the codec ids: %s', (_, videocodecid, audiocodecid) => {
    const entries = amfObject([
      ['videocodecid', videocodecid],
      ['width', 640],
      ['audiocodecid', audiocodecid],
      ['audiosamplerate', 48_000],
    ]);
    expect(readMetadataHints(encodeAmf0(['onMetaData', entries]))).toEqual({
      width: 640,
      audioSampleRate: 48_000,
      ...(videocodecid !== null && { announcesVideo: true }),
    });
  });

  it('A6.08 treats names of JavaScript properties as plain keys', () => {
    const body = encodeAmf0([
      'onMetaData',
      amfObject([
        ['__proto__', 1],
        ['constructor', 'x'],
        ['width', 2],
      ]),
    ]);
    expect(readMetadataHints(body)).toEqual({ width: 2 });
    expect(Object.hasOwn(Object.prototype, 'width')).toBe(false);
  });

  it('C3.05 masks control characters of the encoder name', () => {
    expect(readMetadataHints(metadata({ encoder: `a\r\n\u001b[31m${'b'.repeat(100)}` })).encoder).toBe(
      `a???[31m${'b'.repeat(56)}`,
    );
  });

  it('A6.06 never throws', () => {
    expect(isMetadata(Buffer.from('00000001', 'hex'))).toBe(false);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const body = Buffer.concat([metadata({}).subarray(0, 13), bytes]);
        expect(isMetadata(body)).toBe(true);
        expect(readMetadataHints(body)).toBeTypeOf('object');
        isMetadata(Buffer.from(bytes));
      }),
    );
  });
});

describe('liveMetadata', () => {
  // rtmpdump considers a stream incomplete if it ends before the duration in its metadata.
  it.each([
    ['object', amfObject],
    ['ECMA array', (entries: Iterable<readonly [string, number]>) => new AmfEcmaArray(entries)],
  ])('removes fields that only files have (%s)', (_, make) => {
    const body = encodeAmf0(['onMetaData', make(Object.entries({ duration: 8.04, width: 640, filesize: 0 }))]);
    expect(decodeAmf0(liveMetadata(body))).toEqual(['onMetaData', make([['width', 640]])]);
  });

  it('passes the same bytes on if there is nothing to remove, or they cannot be parsed', () => {
    const plain = metadata({ width: 640 });
    const broken = plain.subarray(0, -8);
    expect(liveMetadata(plain)).toBe(plain);
    expect(liveMetadata(broken)).toBe(broken);
    const key = Buffer.alloc(30_000, 0xff);
    const [start, end] = [metadata({ duration: 1 }).subarray(0, -3), Buffer.from('000009', 'hex')];
    const unwritable = Buffer.concat([start, Buffer.of(key.length >> 8, key.length & 0xff), key, Buffer.of(5), end]);
    expect(liveMetadata(unwritable)).toBe(unwritable);
  });
});
