// Metadata comes in every shape AMF can take, and none of them may matter.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMetadata, readMetadataHints } from '../../src/live/metadata.js';
import { encodeAmf0 } from '../../src/protocols/amf/amf0-encoder.js';
import { AmfEcmaArray, amfObject } from '../../src/protocols/amf/values.js';
import { metadata } from './media.js';

describe('readMetadataHints', () => {
  it('A6.01 reads objects and ECMA arrays alike', () => {
    const entries = [
      ['width', 1280],
      ['framerate', 29.97],
      ['encoder', 'obs-output module'],
    ] as const;
    const expected = { width: 1280, frameRate: 29.97, encoder: 'obs-output module' };
    expect(readMetadataHints(encodeAmf0(['onMetaData', amfObject(entries)]))).toEqual(expected);
    expect(readMetadataHints(encodeAmf0(['onMetaData', new AmfEcmaArray(entries)]))).toEqual(expected);
  });

  it('A6.03 leaves out what cannot be true', () => {
    const lies = metadata({ width: -5, height: 1e9, framerate: Number.NaN, videodatarate: 'fast', audiochannels: 0 });
    expect(readMetadataHints(lies)).toEqual({});
  });

  it('A6.08 keys of JavaScript objects are only keys', () => {
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
