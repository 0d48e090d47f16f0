// Regrouped audio is sent to players as it is written here, so real readers and a real decoder check it.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Fragment, Sample } from '../../../src/protocols/mp4/fragment.js';
import { FragmentReader } from '../../../src/protocols/mp4/fragment-reader.js';
import { writeFragment, writeFragmentPieces } from '../../../src/protocols/mp4/fragment-writer.js';
import { parseFragment } from '../../../src/protocols/mp4/movie-fragment.js';
import { decodeErrors, encodeAudio, encodeVideo, readWithMp4box } from './cmaf-sample.js';

interface Track {
  readonly init: Buffer;
  readonly trackId: number;
  readonly fragments: readonly Fragment[];
}

function read(file: Buffer): Track {
  const reader = new FragmentReader();
  reader.push(file);
  const first = reader.next();
  if (first?.type !== 'init') throw new Error('the first event is not the init segment');
  const fragments: Fragment[] = [];
  for (let event = reader.next(); event !== undefined; event = reader.next()) {
    if (event.type === 'fragment') fragments.push(event.fragment);
  }
  return { init: first.bytes, trackId: first.track.trackId, fragments };
}

/** Groups of so many fragments, each written as one. */
function regroup({ init, trackId, fragments }: Track, size: number): Buffer {
  const parts = [init];
  for (let at = 0; at < fragments.length; at += size) {
    const group = fragments.slice(at, at + size);
    parts.push(
      writeFragment({
        sequenceNumber: parts.length,
        trackId,
        baseMediaDecodeTime: group[0]?.baseMediaDecodeTime ?? 0,
        samples: group.flatMap(({ samples }) => samples),
      }),
    );
  }
  return Buffer.concat(parts);
}

describe('writeFragment', () => {
  let audio: Track;
  let video: Track;

  beforeAll(async () => {
    [audio, video] = (await Promise.all([encodeAudio(), encodeVideo()])).map(read) as [Track, Track];
  });

  it.each([1, 7, 24])('regroups audio %i frames at a time so that mp4box finds the same samples', (size) => {
    const before = readWithMp4box(Buffer.concat([audio.init, ...audio.fragments.map(({ bytes }) => bytes)])).samples;
    const file = regroup(audio, size);
    const after = readWithMp4box(file).samples;
    expect(
      after.map(({ dts, cts, duration, size: bytes, is_sync }) => ({ dts, cts, duration, bytes, is_sync })),
    ).toEqual(before.map(({ dts, cts, duration, size: bytes, is_sync }) => ({ dts, cts, duration, bytes, is_sync })));
    const original = audio.fragments.flatMap(({ samples }) => samples);
    for (const [index, sample] of after.entries()) {
      expect(
        file.subarray(sample.offset, sample.offset + sample.size).equals(original[index]?.data ?? Buffer.alloc(0)),
      ).toBe(true);
    }
  });

  it('writes what FFmpeg decodes without a word, audio and video with B-frames', async () => {
    expect(await decodeErrors(regroup(audio, 24))).toBe('');
    expect(await decodeErrors(regroup(video, 2))).toBe('');
  });

  it('is compact: a field equal in all samples is written once', () => {
    const group = audio.fragments.slice(1, 25);
    const samples = group.flatMap((fragment) => fragment.samples);
    const data = samples.reduce((sum, sample) => sum + sample.data.length, 0);
    const written = writeFragment({ sequenceNumber: 1, trackId: 1, baseMediaDecodeTime: 0, samples });
    expect(written.length - data).toBe(100 + 4 * samples.length);
    // Frames of one size, as AC-3 and most MP3 have, need nothing for each.
    const alike = samples.map((sample) => ({ ...sample, data: Buffer.alloc(400) }));
    const constant = writeFragment({ sequenceNumber: 1, trackId: 1, baseMediaDecodeTime: 0, samples: alike });
    expect(constant.length - 400 * alike.length).toBe(104);
    expect(writeFragment({ sequenceNumber: 1, trackId: 1, baseMediaDecodeTime: 2 ** 32, samples: alike }).length).toBe(
      constant.length + 4,
    );
  });

  it('reads back what it wrote, for any mix of durations, offsets and flags', () => {
    const sample = fc.record({
      duration: fc.constantFrom(512, 1024, 1001),
      cts: fc.constantFrom(0, 0, -512, 1024),
      sync: fc.boolean(),
      data: fc.uint8Array({ minLength: 0, maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    });
    const defaults = { trackId: 3, defaultSampleDuration: 9, defaultSampleSize: 9, defaultSampleFlags: 9 };
    fc.assert(
      fc.property(
        fc.array(sample, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: -(2 ** 40), max: 2 ** 52 }),
        (samples, baseMediaDecodeTime) => {
          const bytes = writeFragment({ sequenceNumber: 7, trackId: 3, baseMediaDecodeTime, samples });
          const fragment = parseFragment(bytes, defaults);
          expect(fragment.baseMediaDecodeTime).toBe(baseMediaDecodeTime);
          expect(fragment.bytes).toBe(bytes);
          expect(fragment.samples).toEqual(samples.map((each): Sample => ({ ...each, size: each.data.length })));
        },
      ),
    );
  });

  it('is the same in pieces, which are the samples themselves where they are large', () => {
    const data = [9_000, 20, 4_096, 4_095, 30, 5_000].map((size, i) => Buffer.alloc(size, i));
    const samples = data.map((bytes, i) => ({ duration: 3_000, cts: 40 * i, sync: i === 0, data: bytes }));
    const fragment = { sequenceNumber: 1, trackId: 1, baseMediaDecodeTime: 0, samples };
    const pieces = writeFragmentPieces(fragment);
    expect(Buffer.concat(pieces).equals(writeFragment(fragment))).toBe(true);
    expect(data.map((bytes) => pieces.includes(bytes))).toEqual([true, false, true, false, false, true]);
    expect(pieces).toHaveLength(6);
    expect(() => writeFragmentPieces({ ...fragment, samples: [] })).toThrow('no samples');
  });

  it('refuses to write nothing', () => {
    expect(() => writeFragment({ sequenceNumber: 1, trackId: 1, baseMediaDecodeTime: 0, samples: [] })).toThrow(
      expect.objectContaining({ code: 'mp4.fragment' }),
    );
  });
});
