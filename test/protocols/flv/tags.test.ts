// Parsing of message bodies, on which everything else depends: vectors follow the specification, and properties cover any other input.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAudioTag } from '../../../src/protocols/flv/audio-tag.js';
import { audioCodecName, videoCodecName } from '../../../src/protocols/flv/codecs.js';
import { parseVideoTag } from '../../../src/protocols/flv/video-tag.js';
import { AUDIO_VECTORS, VIDEO_VECTORS } from '../../vectors/flv-tags.js';

describe('parseVideoTag', () => {
  it.each(VIDEO_VECTORS)('$name', ({ hex, value: { data, ...value }, tracks }) => {
    const tag = parseVideoTag(Buffer.from(hex, 'hex'));
    expect(tag).toMatchObject(value);
    if (data !== undefined) expect(tag.data.toString('hex')).toBe(data);
    const others = tag.tracks?.map((track) => ({ ...track, data: track.data.toString('hex') }));
    if (tracks === undefined) expect(others).toBeUndefined();
    else expect(others).toMatchObject(tracks);
  });

  it('gives views, not copies', () => {
    const body = Buffer.from('1701000000aabb', 'hex');
    expect(parseVideoTag(body).data.buffer).toBe(body.buffer);
  });

  it('C2.12 never throws, and what it calls frames is never empty', () => {
    const seeds = VIDEO_VECTORS.map(({ hex }) => Buffer.from(hex, 'hex'));
    fc.assert(
      fc.property(fc.constantFrom(...seeds), fc.uint8Array({ maxLength: 12 }), fc.nat(12), (seed, noise, at) => {
        const tag = parseVideoTag(Buffer.concat([seed.subarray(0, at), noise, seed.subarray(at)]));
        if (tag.packetType === 'frames') expect(tag.data.length).toBeGreaterThan(0);
        expect(videoCodecName(tag.codec)).toMatch(/^[\x20-\x7e]+$/);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('parseAudioTag', () => {
  it.each(AUDIO_VECTORS)('$name', ({ hex, value: { data, ...value }, tracks }) => {
    const tag = parseAudioTag(Buffer.from(hex, 'hex'));
    expect(tag).toMatchObject(value);
    if (data !== undefined) expect(tag.data.toString('hex')).toBe(data);
    const others = tag.tracks?.map((track) => ({ ...track, data: track.data.toString('hex') }));
    if (tracks === undefined) expect(others).toBeUndefined();
    else expect(others).toMatchObject(tracks);
  });

  it('C2.12 never throws, and what it calls frames is never empty', () => {
    const seeds = AUDIO_VECTORS.map(({ hex }) => Buffer.from(hex, 'hex'));
    fc.assert(
      fc.property(fc.constantFrom(...seeds), fc.uint8Array({ maxLength: 12 }), fc.nat(12), (seed, noise, at) => {
        const tag = parseAudioTag(Buffer.concat([seed.subarray(0, at), noise, seed.subarray(at)]));
        if (tag.packetType === 'frames') expect(tag.data.length).toBeGreaterThan(0);
        expect(audioCodecName(tag.codec)).toMatch(/^[\x20-\x7e]+$/);
      }),
      { numRuns: 3000 },
    );
  });
});
