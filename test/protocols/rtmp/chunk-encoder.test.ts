// Which fields of a chunk header are omitted and when, and that our own decoder reads all of it back.
import { describe, expect, it } from 'vitest';
import { ChunkDecoder } from '../../../src/protocols/rtmp/chunk-decoder.js';
import { ChunkEncoder } from '../../../src/protocols/rtmp/chunk-encoder.js';
import { DEFAULT_RTMP_LIMITS } from '../../../src/protocols/rtmp/limits.js';
import type { RawMessage } from '../../../src/protocols/rtmp/messages.js';
import { pattern } from './wire-writer.js';

function message(overrides: Partial<RawMessage> = {}): RawMessage {
  return { chunkStreamId: 6, timestamp: 0, type: 9, messageStreamId: 1, body: pattern(10), ...overrides };
}

describe('ChunkEncoder', () => {
  it('writes a full header first, then only what has changed', () => {
    const encoder = new ChunkEncoder();
    expect(encoder.encode(message()).subarray(0, 12).toString('hex')).toBe('0600000000000a0901000000');
    expect(
      encoder
        .encode(message({ timestamp: 33, body: pattern(11) }))
        .subarray(0, 8)
        .toString('hex'),
    ).toBe('4600002100000b09');
    expect(
      encoder
        .encode(message({ timestamp: 66, body: pattern(11) }))
        .subarray(0, 4)
        .toString('hex'),
    ).toBe('86000021');
  });

  it('writes a full header when time goes back or the message stream changes', () => {
    const encoder = new ChunkEncoder();
    encoder.encode(message({ timestamp: 100 }));
    expect(encoder.encode(message({ timestamp: 99 }))[0]).toBe(0x06);
    expect(encoder.encode(message({ timestamp: 99, messageStreamId: 2 }))[0]).toBe(0x06);
  });

  it('writes full headers for all messages that are not media', () => {
    const encoder = new ChunkEncoder();
    for (const type of [3, 4, 18, 20]) {
      const command = message({ chunkStreamId: 3, type });
      expect(encoder.encode(command)[0]).toBe(0x03);
      expect(encoder.encode(command)[0]).toBe(0x03);
    }
  });

  it('repeats an extended timestamp in every chunk (5.3.1.3)', () => {
    const bytes = new ChunkEncoder().encode(message({ timestamp: 0x01020304, body: pattern(300) }));
    expect(bytes).toHaveLength(12 + 4 + 300 + 2 * 5);
    expect(bytes.subarray(12, 16).toString('hex')).toBe('01020304');
    expect(bytes.subarray(16 + 128, 16 + 133).toString('hex')).toBe('c601020304');
  });

  it('is read back by the decoder for every form of chunk stream id and around every boundary', () => {
    const encoder = new ChunkEncoder();
    const decoder = new ChunkDecoder(DEFAULT_RTMP_LIMITS);
    const sent: RawMessage[] = [];
    for (const chunkStreamId of [2, 63, 64, 319, 320, 65_599]) {
      for (const timestamp of [0, 0xfffffe, 0xffffff, 0x1000000, 0x2ffffff, 2 ** 32 - 1, 5]) {
        for (const length of [1, 127, 128, 129, 256, 257]) {
          sent.push(message({ chunkStreamId, timestamp, body: pattern(length, timestamp) }));
        }
      }
    }
    for (const each of sent) decoder.push(encoder.encode(each));
    for (const each of sent) expect(decoder.next()).toEqual(each);
    expect(decoder.next()).toBeUndefined();
  });

  it('keeps its chunk size within what the protocol allows', () => {
    const encoder = new ChunkEncoder();
    encoder.chunkSize = 2 ** 31;
    expect(encoder.chunkSize).toBe(0xffffff);
    expect(encoder.encode(message({ body: pattern(100_000) }))).toHaveLength(100_012);
  });
});
