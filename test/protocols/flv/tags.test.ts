// What a message holds decides everything downstream: the vectors are the specification, the properties the safety net.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAudioTag } from '../../../src/protocols/flv/audio-tag.js';
import { audioCodecName, videoCodecName } from '../../../src/protocols/flv/codecs.js';
import { legacyAacBody, legacyAvcBody } from '../../../src/protocols/flv/legacy-body.js';
import { parseVideoTag } from '../../../src/protocols/flv/video-tag.js';
import { AUDIO_VECTORS, VIDEO_VECTORS } from '../../vectors/flv-tags.js';

describe('parseVideoTag', () => {
  it.each(VIDEO_VECTORS)('$name', ({ hex, value: { data, ...value } }) => {
    const tag = parseVideoTag(Buffer.from(hex, 'hex'));
    expect(tag).toMatchObject(value);
    if (data !== undefined) expect(tag.data.toString('hex')).toBe(data);
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
  it.each(AUDIO_VECTORS)('$name', ({ hex, value: { data, ...value } }) => {
    const tag = parseAudioTag(Buffer.from(hex, 'hex'));
    expect(tag).toMatchObject(value);
    if (data !== undefined) expect(tag.data.toString('hex')).toBe(data);
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

describe('legacy heads', () => {
  it.each([
    ['coded frames', `a1${'61766331'}ffffd8aabb`, '2701ffffd8aabb'],
    ['coded frames X', `93${'61766331'}aabb`, '1701000000aabb'],
    ['sequence start', `90${'61766331'}01640028`, '170000000001640028'],
  ])('says the same of H.264 %s', (_name, enhanced, legacy) => {
    expect(legacyAvcBody(parseVideoTag(Buffer.from(enhanced, 'hex'))).toString('hex')).toBe(legacy);
  });

  it.each([
    ['frames', `91${'6d703461'}21aa`, 'af0121aa'],
    ['sequence start', `90${'6d703461'}1190`, 'af001190'],
  ])('says the same of AAC %s', (_name, enhanced, legacy) => {
    expect(legacyAacBody(parseAudioTag(Buffer.from(enhanced, 'hex'))).toString('hex')).toBe(legacy);
  });
});
