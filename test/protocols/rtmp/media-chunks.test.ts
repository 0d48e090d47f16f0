// Media is cut into chunks once for all players, so each player must be able to read them alone.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkDecoder } from '../../../src/protocols/rtmp/chunk-decoder.js';
import { DEFAULT_RTMP_LIMITS } from '../../../src/protocols/rtmp/limits.js';
import { mediaChunks } from '../../../src/protocols/rtmp/media-chunks.js';
import { pattern } from './wire-writer.js';

const VIDEO = { chunkStreamId: 6, type: 9 };
const AUDIO = { chunkStreamId: 4, type: 8 };

describe('mediaChunks', () => {
  it('writes the header that every player can read alone', () => {
    const [header, body] = mediaChunks(AUDIO, 1, 0x010203, 128, Buffer.of(0xaf, 1));
    expect(header?.toString('hex')).toBe('040102030000020801000000');
    expect(body).toEqual(Buffer.of(0xaf, 1));
  });

  it('repeats an extended timestamp in every chunk (5.3.1.3)', () => {
    const chunks = mediaChunks(VIDEO, 1, 0xffffff, 128, pattern(300));
    expect(chunks.map(({ length }) => length)).toEqual([16, 128, 5, 128, 5, 44]);
    expect(chunks[2]?.toString('hex')).toBe('c600ffffff');
  });

  it('cuts the body into views of it', () => {
    const body = pattern(1000);
    const views = mediaChunks(VIDEO, 1, 0, 128, body).filter((_, index) => index % 2 === 1);
    expect(views.every(({ buffer }) => buffer === body.buffer)).toBe(true);
    expect(Buffer.concat(views)).toEqual(body);
    expect(mediaChunks(VIDEO, 1, 0, 65_536, body)[1]).toBe(body);
  });

  it('makes them once for the same body, and again for a player that differs in anything', () => {
    const body = pattern(300);
    const first = mediaChunks(VIDEO, 1, 40, 128, body);
    expect(mediaChunks(VIDEO, 1, 40, 128, body)).toBe(first);
    const others = [
      mediaChunks(VIDEO, 2, 40, 128, body),
      mediaChunks(VIDEO, 1, 41, 128, body),
      mediaChunks(VIDEO, 1, 40, 256, body),
      mediaChunks(AUDIO, 1, 40, 128, body),
      mediaChunks(VIDEO, 1, 40, 128, Buffer.from(body)),
    ];
    for (const [index, other] of others.entries()) {
      expect(other).not.toBe(first);
      for (const another of others.slice(index + 1)) expect(other).not.toEqual(another);
    }
    expect(mediaChunks(VIDEO, 1, 40, 128, body)).toEqual(first);
  });

  it('is read back whatever the sizes, the timestamp and the pieces are', () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 700 }), fc.constantFrom(127, 128, 129, 256, 5000));
    const timestamp = fc.oneof(fc.nat(2 ** 32 - 1), fc.constantFrom(0, 0xfffffe, 0xffffff, 0x1000000, 2 ** 32 - 1));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.array(size, { minLength: 1, maxLength: 4 }), timestamp), { minLength: 1, maxLength: 5 }),
        fc.constantFrom(128, 129, 4096, 65_536),
        (messages, chunkSize) => {
          const decoder = new ChunkDecoder(DEFAULT_RTMP_LIMITS);
          const announcement = Buffer.from('020000000000040100000000', 'hex');
          const announced = Buffer.alloc(4);
          announced.writeUInt32BE(chunkSize);
          decoder.push(Buffer.concat([announcement, announced]));
          expect(decoder.next()?.type).toBe(1);
          for (const [sizes, time] of messages) {
            const pieces = sizes.map((length, index) => pattern(length, index));
            for (const chunk of mediaChunks(VIDEO, 1, time, chunkSize, pieces)) decoder.push(chunk);
            expect(decoder.next()).toEqual({
              chunkStreamId: 6,
              timestamp: time,
              type: 9,
              messageStreamId: 1,
              body: Buffer.concat(pieces),
            });
          }
        },
      ),
      { seed: 20_260_105, numRuns: 300, interruptAfterTimeLimit: 10_000 },
    );
  });
});
