// Parts and their times are read from FFmpeg's output; an independent reader must find the same in the same bytes.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { SluiceError } from '../../../src/protocols/errors.js';
import type { Fragment } from '../../../src/protocols/mp4/fragment.js';
import {
  type FragmentEvent,
  FragmentReader,
  type FragmentReaderLimits,
} from '../../../src/protocols/mp4/fragment-reader.js';
import { encodeAudio, encodeVideo, readWithMp4box } from './cmaf-sample.js';

let video: Buffer;
let audio: Buffer;

beforeAll(async () => {
  [video, audio] = await Promise.all([encodeVideo(), encodeAudio()]);
});

function drain(reader: FragmentReader): FragmentEvent[] {
  const events: FragmentEvent[] = [];
  for (let event = reader.next(); event !== undefined; event = reader.next()) events.push(event);
  return events;
}

function readAll(file: Buffer, limits?: Partial<FragmentReaderLimits>): FragmentEvent[] {
  const reader = new FragmentReader(limits);
  reader.push(file);
  return drain(reader);
}

function fragmentsOf(events: readonly FragmentEvent[]): Fragment[] {
  return events.flatMap((event) => (event.type === 'fragment' ? [event.fragment] : []));
}

/** Cuts at the given offsets, in any order, some of them equal. */
function cut(file: Buffer, at: readonly number[]): Buffer[] {
  const offsets = [0, ...at.map((offset) => offset % file.length).sort((a, b) => a - b), file.length];
  return offsets.slice(1).map((end, index) => file.subarray(offsets[index], end));
}

describe('FragmentReader on FFmpeg output', () => {
  it('finds the samples an independent reader finds, with the same times, sizes, flags and bytes', () => {
    for (const file of [video, audio]) {
      const expected = readWithMp4box(file).samples;
      let number = 0;
      for (const fragment of fragmentsOf(readAll(file))) {
        let dts = fragment.baseMediaDecodeTime;
        const times: number[] = [];
        for (const sample of fragment.samples) {
          const other = expected[number];
          if (other === undefined) throw new Error(`mp4box has only ${number} samples`);
          // mp4box reads the wrapped negative time of an encoder's priming as unsigned, beyond 2^53.
          if (other.dts < 2 ** 53) {
            expect({ dts, cts: dts + sample.cts }).toEqual({ dts: other.dts, cts: other.cts });
          }
          expect(sample.duration).toBe(other.duration);
          expect(sample.size).toBe(other.size);
          expect(sample.sync).toBe(other.is_sync);
          expect(sample.data.equals(file.subarray(other.offset, other.offset + other.size))).toBe(true);
          times.push(dts + sample.cts);
          dts += sample.duration;
          number += 1;
        }
        expect(fragment.duration).toBe(dts - fragment.baseMediaDecodeTime);
        expect(fragment.presentationStart).toBe(Math.min(...times));
        expect(fragment.startsWithSync).toBe(fragment.samples[0]?.sync);
      }
      expect(number).toBe(expected.length);
    }
  });

  it('B2.01 describes the tracks as an independent reader does', () => {
    for (const file of [video, audio]) {
      const [init] = readAll(file);
      if (init?.type !== 'init') throw new Error('the first event is not the init segment');
      const [track] = readWithMp4box(file).movie.tracks;
      expect(init.track).toMatchObject({ trackId: track?.id, timescale: track?.timescale, codecs: track?.codec });
      expect(init.bytes.equals(file.subarray(0, init.bytes.length))).toBe(true);
    }
    expect(readAll(video)[0]).toMatchObject({
      track: { kind: 'video', width: 320, height: 180, avc: { spsInfo: { width: 320, height: 180, frameRate: 30 } } },
    });
    expect(readAll(audio)[0]).toMatchObject({
      track: { kind: 'audio', sampleRate: 48_000, channels: 2, frameDuration: 1024, codecs: 'mp4a.40.2' },
    });
  });

  it('gives every byte between the init segment and the index, in fragments of one track', () => {
    const events = readAll(video);
    const written = Buffer.concat(events.map((event) => (event.type === 'init' ? event.bytes : event.fragment.bytes)));
    expect(video.subarray(0, written.length).equals(written)).toBe(true);
    expect(video.toString('latin1', written.length + 4, written.length + 8)).toBe('mfra');
  });

  it('cuts video at key frames and audio at each frame', () => {
    const parts = fragmentsOf(readAll(video));
    expect(parts.map((part) => part.samples.length)).toEqual(Array.from({ length: 8 }, () => 15));
    expect(parts.map((part) => part.startsWithSync)).toEqual([true, false, false, false, true, false, false, false]);
    // CMAF's negative composition offsets: a part that starts with a key frame starts at that frame's presentation time.
    for (const part of parts.filter(({ startsWithSync }) => startsWithSync)) {
      expect(part.presentationStart).toBe(part.baseMediaDecodeTime);
    }
    expect(fragmentsOf(readAll(audio)).every(({ samples }) => samples.length === 1)).toBe(true);
  });

  it('gives the same events for any cutting of the bytes', () => {
    const shape = (events: readonly FragmentEvent[]) =>
      events.map((event) =>
        event.type === 'init'
          ? { ...event.track, bytes: event.bytes.toString('base64') }
          : {
              ...event.fragment,
              bytes: event.fragment.bytes.toString('base64'),
              samples: event.fragment.samples.length,
            },
      );
    for (const file of [video, audio]) {
      const expected = shape(readAll(file));
      fc.assert(
        fc.property(fc.array(fc.nat(file.length), { maxLength: 60 }), (at) => {
          const reader = new FragmentReader();
          const events: FragmentEvent[] = [];
          for (const piece of cut(file, at)) {
            reader.push(piece);
            events.push(...drain(reader));
          }
          expect(shape(events)).toEqual(expected);
          expect(reader.bufferedBytes).toBe(0);
        }),
        { numRuns: 15 },
      );
    }
  });

  it('reads one byte at a time', () => {
    const file = audio.subarray(0, 12_000);
    const reader = new FragmentReader();
    const events: FragmentEvent[] = [];
    for (let at = 0; at < file.length; at += 1) {
      reader.push(file.subarray(at, at + 1));
      events.push(...drain(reader));
    }
    expect(events.length).toBe(readAll(file).length);
  });

  it('hands out a view when one chunk holds the fragment', () => {
    const copy = Buffer.from(audio);
    const [, first] = readAll(copy);
    if (first?.type !== 'fragment') throw new Error('the second event is not a fragment');
    expect(first.fragment.bytes.buffer).toBe(copy.buffer);
    expect(first.fragment.samples[0]?.data.buffer).toBe(copy.buffer);
  });

  it('starts over with the init segment of a restarted FFmpeg', () => {
    const events = readAll(Buffer.concat([audio, audio]));
    expect(events.filter(({ type }) => type === 'init')).toHaveLength(2);
    expect(events).toHaveLength(2 * readAll(audio).length);
  });
});

describe('FragmentReader on bad bytes', () => {
  function failure(bytes: Buffer, limits?: Partial<FragmentReaderLimits>): unknown {
    const reader = new FragmentReader(limits);
    reader.push(bytes);
    let thrown: unknown;
    try {
      drain(reader);
    } catch (error) {
      thrown = error;
    }
    expect(reader.bufferedBytes).toBe(0);
    // It reads no further, and says why each time.
    reader.push(video);
    expect(() => reader.next()).toThrow(thrown as Error);
    return thrown;
  }
  const box = (type: string, size: number, body = Buffer.alloc(0)): Buffer => {
    const header = Buffer.alloc(8);
    header.writeUInt32BE(size, 0);
    header.write(type, 4, 'latin1');
    return Buffer.concat([header, body]);
  };

  it('refuses a box over the limit as soon as its header is there, without waiting for its bytes', () => {
    const initSize = readAll(video)[0];
    if (initSize?.type !== 'init') throw new Error('no init segment');
    expect(failure(box('ftyp', 0x7fff_ffff))).toMatchObject({ code: 'mp4.box-limit', kind: 'limit' });
    expect(failure(video, { maxMediaDataSize: 10_000 })).toMatchObject({ code: 'mp4.box-limit' });
  });

  it.each([
    ['a size smaller than the header', box('ftyp', 7), 'mp4.box-size'],
    ['a box to the end of the file', box('ftyp', 0), 'mp4.box-size'],
    ['a moof before any moov', box('moof', 100), 'mp4.box-order'],
    ['a moov without ftyp', box('moov', 100), 'mp4.box-order'],
    ['ftyp without moov', Buffer.concat([box('ftyp', 8), box('mdat', 8)]), 'mp4.box-order'],
    ['an empty moov', Buffer.concat([box('ftyp', 8), box('moov', 8)]), 'mp4.box-missing'],
    [
      'a child larger than its parent',
      Buffer.concat([box('ftyp', 8), box('moov', 16), box('trak', 99)]),
      'mp4.box-size',
    ],
  ])('refuses %s', (_name, bytes, code) => {
    expect(failure(bytes)).toMatchObject({ code });
  });

  it('gives the good fragments before it throws', () => {
    const good = readAll(audio.subarray(0, 20_000));
    const size = good.reduce(
      (sum, event) => sum + (event.type === 'init' ? event.bytes : event.fragment.bytes).length,
      0,
    );
    const reader = new FragmentReader();
    reader.push(Buffer.concat([audio.subarray(0, size), box('mdat', 100)]));
    for (const _ of good) expect(reader.next()).toBeDefined();
    expect(() => reader.next()).toThrow(expect.objectContaining({ code: 'mp4.box-order' }));
  });

  it('skips unneeded boxes without buffering them', () => {
    const skipped = Buffer.concat([box('free', 8 + 500_000), Buffer.alloc(500_000), box('styp', 12, Buffer.alloc(4))]);
    expect(readAll(Buffer.concat([skipped, audio]))).toHaveLength(readAll(audio).length);
    const reader = new FragmentReader();
    reader.push(box('free', 2_000_000));
    reader.push(Buffer.alloc(1_000_000));
    expect(reader.bufferedBytes).toBe(0);
    expect(drain(reader)).toEqual([]);
  });

  it('skips the index at the end of an output of many hours', () => {
    const events = readAll(audio).length;
    const reader = new FragmentReader();
    reader.push(audio);
    reader.push(box('mfra', 100_000_000));
    reader.push(Buffer.alloc(1_000_000));
    expect(drain(reader)).toHaveLength(events);
    expect(reader.bufferedBytes).toBe(0);
  });

  it.each([
    ['a free box', box('free', 0xffff_ffff)],
    ['an unknown box', box('abcd', 5 * 1024 * 1024)],
    ['an unknown box with a 64-bit size', Buffer.concat([box('abcd', 1), Buffer.from([0, 0, 1, 0, 0, 0, 0, 0])])],
    ['text', Buffer.from('Error: no such file or directory\n')],
    ['a raw AAC frame', Buffer.from([0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c, 0, 0, 0])],
  ])('refuses garbage that reads like %s without end, instead of waiting for ever', (_name, bytes) => {
    expect(failure(bytes)).toMatchObject({ code: 'mp4.box-limit', kind: 'limit' });
    const reader = new FragmentReader();
    reader.push(audio);
    drain(reader);
    reader.push(bytes);
    expect(() => reader.next()).toThrow(expect.objectContaining({ code: 'mp4.box-limit' }));
    reader.push(audio);
    expect(reader.bufferedBytes).toBe(0);
  });

  it('refuses a run that announces more samples than any part has', () => {
    const copy = Buffer.from(audio);
    copy.writeUInt32BE(0xffff_ffff, copy.indexOf('trun') + 8);
    expect(failure(copy)).toMatchObject({ code: 'mp4.fragment' });
  });

  it('ends in events or one typed error for any damage', () => {
    const file = audio.subarray(0, 6_000);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (damage) => {
          const copy = Buffer.from(file);
          for (const [at, value] of damage) copy[at] = value;
          try {
            for (const { samples, bytes } of fragmentsOf(readAll(copy))) {
              for (const sample of samples) expect(sample.data.length).toBeLessThanOrEqual(bytes.length);
            }
          } catch (error) {
            expect(error).toBeInstanceOf(SluiceError);
          }
        },
      ),
      { numRuns: 1500 },
    );
  });
});
