// Chunk headers of all types and the state that they leave, including common mistakes and forbidden headers.
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ChunkDecoder } from '../../../src/protocols/rtmp/chunk-decoder.js';
import { DEFAULT_RTMP_LIMITS } from '../../../src/protocols/rtmp/limits.js';
import type { RawMessage } from '../../../src/protocols/rtmp/messages.js';
import { basicHeader, messageHeader, pattern, u32, type WireMessage, WireWriter } from './wire-writer.js';

function message(overrides: Partial<WireMessage> = {}): WireMessage {
  return { chunkStreamId: 4, timestamp: 1000, type: 8, messageStreamId: 1, body: pattern(300), ...overrides };
}

function decoder(...inputs: Buffer[]): ChunkDecoder {
  const made = new ChunkDecoder(DEFAULT_RTMP_LIMITS);
  for (const input of inputs) made.push(input);
  return made;
}

function drain(from: ChunkDecoder): RawMessage[] {
  const messages: RawMessage[] = [];
  for (let next = from.next(); next !== undefined; next = from.next()) messages.push(next);
  return messages;
}

function decode(...inputs: Buffer[]): RawMessage[] {
  return drain(decoder(...inputs));
}

function failure(...inputs: Buffer[]): string {
  try {
    decode(...inputs);
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'none';
}

function setChunkSize(size: number, chunkStreamId = 2): Buffer {
  return new WireWriter().message({ chunkStreamId, timestamp: 0, type: 1, messageStreamId: 0, body: u32(size) });
}

describe('chunk headers', () => {
  it.each([
    [2, 1],
    [3, 1],
    [45, 1],
    [63, 1],
    [64, 2],
    [319, 2],
    [320, 3],
    [64, 3],
    [1000, 3],
    [65_599, 3],
  ] as const)('A2.07 A2.08 reads chunk stream %d from a basic header of %d bytes', (id, size) => {
    const sent = message({ body: pattern(10) });
    const [got] = decode(Buffer.concat([basicHeader(0, id, size), messageHeader(0, 7, sent), sent.body]));
    expect(got).toEqual({ chunkStreamId: id, timestamp: 7, type: 8, messageStreamId: 1, body: sent.body });
  });

  it('reads the message stream id as the only little-endian field', () => {
    expect(decode(new WireWriter().message(message({ messageStreamId: 0x01020304 })))[0]?.messageStreamId).toBe(
      0x01020304,
    );
  });

  it('A2.09 accepts a first chunk of type 1 and counts from 0', () => {
    const ping = message({ type: 4, body: Buffer.of(0, 6, 0, 0, 0, 1) });
    const [got] = decode(Buffer.concat([basicHeader(1, 2), messageHeader(1, 55, ping), ping.body]));
    expect(got).toMatchObject({ chunkStreamId: 2, timestamp: 55, messageStreamId: 0, type: 4 });
  });

  it('A2.10 refuses a first chunk of type 2 or 3', () => {
    expect(failure(Buffer.concat([basicHeader(2, 4), Buffer.alloc(3)]))).toBe('rtmp.chunk-header');
    expect(failure(basicHeader(3, 4))).toBe('rtmp.chunk-header');
  });

  it.each([0, 1, 2] as const)('A2.11 refuses a type %d chunk in the middle of a message', (type) => {
    const [first] = new WireWriter().chunks(message(), 0) as [Buffer];
    const second = Buffer.concat([basicHeader(type, 4), messageHeader(type, 0, message())]);
    expect(failure(Buffer.concat([first, second]))).toBe('rtmp.chunk-header');
  });

  it('A2.12 takes a type 3 chunk for a new message with the last delta', () => {
    const writer = new WireWriter();
    const bodies = [1, 2, 3, 4].map((seed) => pattern(20, seed));
    const times = [1000, 1020, 1040, 1060];
    const wire = bodies.map((body, index) => {
      const type = index === 0 ? 0 : index === 1 ? 1 : 3;
      return writer.message(message({ body, timestamp: times[index] as number }), type);
    });
    const got = decode(Buffer.concat(wire));
    expect(got.map(({ timestamp }) => timestamp)).toEqual(times);
    expect(got.map(({ body }) => body)).toEqual(bodies);
    expect(wire[3]).toHaveLength(21);
  });

  it('A2.13 adds nothing for a type 3 chunk right after type 0', () => {
    const sent = message({ body: pattern(20) });
    const got = decode(Buffer.concat([new WireWriter().message(sent), basicHeader(3, 4), sent.body]));
    expect(got.map(({ timestamp }) => timestamp)).toEqual([1000, 1000]);
  });

  it('adds deltas modulo 2^32, so a negative one goes back a little (A2.19)', () => {
    const sent = message({ body: pattern(20), timestamp: 5000 });
    const back = Buffer.concat([basicHeader(1, 4), messageHeader(1, 2 ** 32 - 40, sent), sent.body]);
    expect(decode(new WireWriter().message(sent), back)[1]?.timestamp).toBe(4960);
  });

  it('A2.18 passes timestamps up to 2^32 - 1 and wraps beyond', () => {
    const writer = new WireWriter();
    const body = pattern(20);
    const got = decode(
      writer.message(message({ timestamp: 2 ** 32 - 1, body })),
      writer.message(message({ timestamp: 9, body }), 2),
    );
    expect(got.map(({ timestamp }) => timestamp)).toEqual([2 ** 32 - 1, 9]);
  });
});

describe('chunk size', () => {
  it('A2.03 keeps 128 until the peer announces another size', () => {
    expect(decode(new WireWriter().message(message({ body: pattern(1000) })))[0]?.body).toEqual(pattern(1000));
  });

  it('A2.04 applies between the chunks of a message that has half arrived on another chunk stream', () => {
    const writer = new WireWriter();
    const body = pattern(1000);
    const [first] = writer.chunks(message({ body }), 0) as [Buffer];
    const rest = [body.subarray(128, 428), body.subarray(428, 728), body.subarray(728)];
    const got = decode(
      Buffer.concat([first, setChunkSize(300), ...rest.map((part) => Buffer.concat([basicHeader(3, 4), part]))]),
    );
    expect(got.map(({ type }) => type)).toEqual([1, 8]);
    expect(got[1]?.body).toEqual(body);
  });

  it.each([128, 65_536, 0xffffff, 0x1000000, 0x7fffffff])('A2.05 accepts %d and allocates nothing for it', (size) => {
    const writer = new WireWriter();
    writer.chunkSize = Math.min(size, 0xffffff);
    const made = decoder(setChunkSize(size), writer.message(message({ body: pattern(70_000) })));
    expect(drain(made)[1]?.body).toEqual(pattern(70_000));
    expect(made.pendingBytes).toBe(0);
  });

  it.each([0, 1, 127, 0x80000000, 0xffffffff])('A2.06 C2.06 refuses %d', (size) => {
    expect(failure(setChunkSize(size))).toBe('rtmp.chunk-size');
  });

  it('refuses a chunk size of fewer than 4 bytes', () => {
    const wire = new WireWriter().message(message({ chunkStreamId: 2, type: 1, body: Buffer.of(1, 0) }));
    expect(failure(wire)).toBe('rtmp.chunk-size');
  });

  it('A2.24 obeys on any chunk stream', () => {
    expect(decode(setChunkSize(256, 7), Buffer.alloc(0))).toHaveLength(1);
  });
});

describe('extended timestamps', () => {
  it('A2.14 takes the extended field for a timestamp after type 0 and for a delta after types 1 and 2', () => {
    const writer = new WireWriter();
    const times = [0, 0xffffff, 0x1fffffe, 0x3000000];
    const types = [0, 1, 2, 0] as const;
    const wire = times.map((timestamp, index) =>
      writer.message(message({ timestamp, body: pattern(20) }), types[index] as 0 | 1 | 2),
    );
    expect(decode(...wire).map(({ timestamp }) => timestamp)).toEqual(times);
  });

  it.each([
    ['repeat it (FFmpeg, GStreamer, new OBS)', true],
    ['leave it out (librtmp, old OBS)', false],
  ])('A2.15 A2.17 reads continuation chunks that %s', (_name, repeatsExtended) => {
    const writer = new WireWriter({ repeatsExtended });
    const sent = [
      message({ timestamp: 0, body: pattern(500, 1) }),
      message({ timestamp: 20_000_000, body: pattern(700, 2) }),
      message({ timestamp: 20_000_033, body: pattern(700, 3) }),
      message({ timestamp: 60_000_000, body: pattern(300, 4) }),
    ];
    const wire = Buffer.concat(sent.map((each, index) => writer.message(each, index === 0 ? 0 : index === 2 ? 2 : 1)));
    expect(decode(wire)).toEqual(sent);
    const byByte = decoder();
    const got: RawMessage[] = [];
    for (const byte of wire) {
      byByte.push(Buffer.of(byte));
      got.push(...drain(byByte));
    }
    expect(got).toEqual(sent);
  });

  it('A2.15 reads a type 3 chunk that starts a message with its extended field as the value', () => {
    const writer = new WireWriter();
    const body = pattern(200);
    const sent = [0, 20_000_000, 40_000_000, 60_000_000].map((timestamp) => message({ timestamp, body }));
    const types = [0, 2, 3, 3] as const;
    const wire = sent.map((each, index) => writer.message(each, types[index] as 0 | 2 | 3));
    expect(decode(...wire)).toEqual(sent);
  });

  it('A2.15 also accepts the absolute time in continuation chunks after a delta', () => {
    const sent = message({ timestamp: 40_000_000, body: pattern(200) });
    const writer = new WireWriter();
    const opening = writer.message(message({ timestamp: 20_000_000, body: pattern(10) }));
    const head = Buffer.concat([basicHeader(1, 4), messageHeader(1, 20_000_000, sent), sent.body.subarray(0, 128)]);
    const tail = Buffer.concat([basicHeader(3, 4), u32(40_000_000), sent.body.subarray(128)]);
    expect(decode(opening, head, tail)[1]).toEqual(sent);
  });

  it('A2.16 loses at most one message if payload happens to look like the timestamp', () => {
    const writer = new WireWriter({ repeatsExtended: false });
    const unlucky = pattern(300, 1);
    u32(20_000_000).copy(unlucky, 128);
    const sent = [
      message({ timestamp: 20_000_000, body: pattern(300, 2) }),
      message({ timestamp: 20_000_000, body: unlucky }),
      message({ timestamp: 20_000_020, body: pattern(300, 3) }),
    ];
    expect(decode(...sent.map((each) => writer.message(each)))).toEqual(sent);
  });

  it('gives back payload that was held as a possible timestamp, even if it came in another buffer', () => {
    const body = pattern(130);
    // The last two bytes begin like the timestamp 0x01312d00, and then the next header follows.
    body[128] = 0x01;
    body[129] = 0x31;
    const writer = new WireWriter({ repeatsExtended: false });
    const sent = [message({ timestamp: 0x01312d00, body }), message({ timestamp: 0x01312d01, body: pattern(10) })];
    const wire = Buffer.concat(sent.map((each) => writer.message(each)));
    for (let cut = 1; cut < wire.length; cut += 1) {
      const made = decoder(wire.subarray(0, cut), wire.subarray(cut));
      expect(drain(made)).toEqual(sent);
      expect(made.consumedBytes).toBe(wire.length);
    }
  });
});

describe('messages in parts', () => {
  it('A2.20 interleaves 64 chunk streams, and C2.05 closes at the 65th', () => {
    const writer = new WireWriter();
    const sent = Array.from({ length: 64 }, (_, index) =>
      message({ chunkStreamId: index + 2, body: pattern(300, index), timestamp: index }),
    );
    const chunks = sent.map((each) => writer.chunks(each, 0));
    const wire = [0, 1, 2].flatMap((round) => chunks.map((each) => each[round] as Buffer));
    const made = decoder(Buffer.concat(wire));
    expect(drain(made)).toEqual(sent);
    made.push(writer.message(message({ chunkStreamId: 66 })));
    expect(() => made.next()).toThrow(expect.objectContaining({ code: 'rtmp.chunk-streams' }));
  });

  it('A2.21 drops only the message that an abort names', () => {
    const writer = new WireWriter();
    const [audio] = writer.chunks(message({ chunkStreamId: 4 }), 0) as [Buffer];
    const [videoHead, ...videoTail] = writer.chunks(message({ chunkStreamId: 6, type: 9 }), 0) as [Buffer];
    const abort = new WireWriter().message(message({ chunkStreamId: 2, type: 2, body: u32(4) }));
    const again = Buffer.concat([basicHeader(3, 4), pattern(128, 9), basicHeader(3, 4), pattern(128, 8)]);
    const last = Buffer.concat([basicHeader(3, 4), pattern(44, 7)]);
    const made = decoder(Buffer.concat([audio, videoHead, abort, ...videoTail, again, last]));
    const got = drain(made);
    expect(got.map(({ type }) => type)).toEqual([2, 9, 8]);
    expect(got[1]?.body).toEqual(pattern(300));
    expect(got[2]?.body).toEqual(Buffer.concat([pattern(128, 9), pattern(128, 8), pattern(44, 7)]));
    expect(made.pendingBytes).toBe(0);
  });

  it('ignores an abort of nothing, of an unknown chunk stream and without a body', () => {
    const writer = new WireWriter();
    const abort = (body: Buffer) => writer.message(message({ chunkStreamId: 2, type: 2, body }));
    expect(decode(abort(u32(2)), abort(u32(77)), abort(Buffer.of(1)), writer.message(message()))).toHaveLength(4);
  });

  it('A2.23 skips messages without a body, whatever their type', () => {
    const writer = new WireWriter();
    const empty = Array.from({ length: 256 }, (_, type) =>
      writer.message(message({ type, body: Buffer.alloc(0), chunkStreamId: 5 })),
    );
    expect(decode(...empty, writer.message(message()))).toHaveLength(1);
  });

  it('gives each body its own memory, of exact size', () => {
    // Bodies of up to half the pool size would share memory with other buffers of the process, which the decoder does not control.
    const body = pattern(Buffer.poolSize);
    const wire = Buffer.from(new WireWriter().message(message({ body })));
    const [got] = decode(wire);
    wire.fill(0);
    expect(got?.body).toEqual(body);
    expect(got?.body.buffer.byteLength).toBe(body.length);
  });

  it('counts the bytes that it has decoded', () => {
    const wire = new WireWriter().message(message());
    const made = decoder(wire, wire.subarray(0, 5));
    expect(made.bufferedBytes).toBe(wire.length + 5);
    expect(made.next()).toBeDefined();
    expect(made.consumedBytes).toBe(wire.length);
    expect(made.next()).toBeUndefined();
    expect(made.consumedBytes).toBe(wire.length);
    expect(made.bufferedBytes).toBe(5);
  });
});

describe('limits', () => {
  const { maxVideoMessageBytes, maxAudioMessageBytes, maxCommandMessageBytes, maxControlBytes, maxUserControlBytes } =
    DEFAULT_RTMP_LIMITS;

  it.each([
    ['video', 9, maxVideoMessageBytes],
    ['aggregate', 22, maxVideoMessageBytes],
    ['audio', 8, maxAudioMessageBytes],
    ['command', 20, maxCommandMessageBytes],
    ['AMF3 command', 17, maxCommandMessageBytes],
    ['data', 18, maxCommandMessageBytes],
    ['unknown type', 99, maxCommandMessageBytes],
    ['abort', 2, maxControlBytes],
    ['acknowledgement', 3, maxControlBytes],
    ['window', 5, maxControlBytes],
    ['peer bandwidth', 6, maxControlBytes],
    ['user control', 4, maxUserControlBytes],
  ])('C2.04 takes a message of the greatest length and refuses one byte more: %s', (_name, type, limit) => {
    const body = pattern(limit);
    const writer = new WireWriter();
    expect(decode(writer.message(message({ type, body })))[0]?.body.equals(body)).toBe(true);
    const header = Buffer.concat([basicHeader(0, 4), messageHeader(0, 0, message({ type }), limit + 1)]);
    expect(failure(header)).toBe('rtmp.message-size');
  });

  it('C2.04 holds only what arrived when 64 messages of 10 MB are announced and one chunk of each sent', () => {
    const made = decoder();
    for (let index = 0; index < 64; index += 1) {
      const head = messageHeader(0, 0, message({ type: 9 }), maxVideoMessageBytes);
      made.push(Buffer.concat([basicHeader(0, index + 2), head, Buffer.alloc(128)]));
      expect(made.next()).toBeUndefined();
    }
    expect(made.pendingBytes).toBeLessThanOrEqual(64 * 512);
  });

  it('C2.04 never holds much more than was received, for a peer that announces and aborts', () => {
    const writer = new WireWriter();
    const made = decoder();
    let sent = 0;
    for (let round = 0; round < 2000; round += 1) {
      const head = Buffer.concat([
        basicHeader(0, 4),
        messageHeader(0, 0, message({ type: 9 }), 1_000_000),
        Buffer.alloc(128),
      ]);
      made.push(head);
      expect(made.next()).toBeUndefined();
      expect(made.pendingBytes).toBeLessThanOrEqual(Math.max(512, 2 * (sent + head.length)));
      const abort = writer.message(message({ chunkStreamId: 2, type: 2, body: u32(4) }));
      made.push(abort);
      expect(made.next()?.type).toBe(2);
      sent += head.length + abort.length;
    }
  });

  it('C2.04 closes when unfinished messages hold more than 16 MiB', () => {
    const made = decoder(setChunkSize(65_536));
    expect(made.next()?.type).toBe(1);
    const header = messageHeader(0, 0, message({ type: 9 }), maxVideoMessageBytes);
    let received = 0;
    const flood = () => {
      for (let round = 0; round < 10; round += 1) {
        for (let id = 2; id < 66; id += 1) {
          const head = round === 0 ? Buffer.concat([basicHeader(0, id), header]) : basicHeader(3, id);
          made.push(Buffer.concat([head, Buffer.alloc(65_536)]));
          received += 65_536;
          made.next();
          expect(made.pendingBytes).toBeLessThanOrEqual(DEFAULT_RTMP_LIMITS.maxPendingBytes);
        }
      }
    };
    expect(flood).toThrow(expect.objectContaining({ code: 'rtmp.pending-bytes' }));
    expect(received).toBeLessThanOrEqual(DEFAULT_RTMP_LIMITS.maxPendingBytes + 65_536);
  });
});

describe('memory of message bodies', () => {
  /** A publisher's stream in slices of 4 KiB, as a busy server reads it: a key frame first, then smaller frames. */
  function inSlices(bytes: Buffer): Buffer[] {
    return Array.from({ length: Math.ceil(bytes.length / 4096) }, (_, i) => bytes.subarray(i * 4096, (i + 1) * 4096));
  }

  /** Bodies of 12 kB, after a key frame that had to grow as it arrived. */
  function frames(count: number): RawMessage[] {
    const writer = new WireWriter();
    const made = new ChunkDecoder(DEFAULT_RTMP_LIMITS);
    const sent = [pattern(90_000), ...Array.from({ length: count }, (_, i) => pattern(12_000, i))];
    const got: RawMessage[] = [];
    for (const slice of inSlices(Buffer.concat(sent.map((body) => writer.message(message({ type: 9, body })))))) {
      made.push(slice);
      got.push(...drain(made));
      made.keepInput();
    }
    expect(got.map(({ body }) => body.equals(sent[got.findIndex((each) => each.body === body)] ?? body))).not.toContain(
      false,
    );
    return got;
  }

  it('is taken once for each body, also if the first one had to grow as it arrived', () => {
    const allocations = vi.spyOn(Buffer, 'allocUnsafe');
    onTestFinished(() => allocations.mockRestore());
    frames(20);
    const sizes = allocations.mock.calls.map(([size]) => size);
    const afterKeyFrame = sizes.slice(sizes.lastIndexOf(90_000) + 1);
    expect(afterKeyFrame).toEqual(Array.from({ length: 20 }, () => 12_000));
  });

  it('is in blocks later', () => {
    const blocks = new Set(frames(1000).map(({ body }) => body.buffer));
    const large = [...blocks].filter(({ byteLength }) => byteLength === 262_144);
    expect(large.length).toBeGreaterThan(30);
  });
});

describe('input that was kept', () => {
  it('is not touched again, so that its memory may be freed', () => {
    const writer = new WireWriter();
    const reads = [pattern(5000), pattern(700)].map((body) => Buffer.from(writer.message(message({ body }))));
    const bytes = reads.reduce((sum, { length }) => sum + length, 0);
    const made = new ChunkDecoder(DEFAULT_RTMP_LIMITS);
    const got: (Buffer | undefined)[] = [];
    for (const read of reads) {
      const borrowed = Buffer.from(new Uint8Array(read).buffer);
      made.push(borrowed);
      // The caller does not ask for more, because it waits for an answer to this message.
      got.push(made.next()?.body);
      made.keepInput();
      structuredClone(undefined, { transfer: [borrowed.buffer] });
      expect(borrowed).toHaveLength(0);
    }
    expect(got).toEqual([pattern(5000), pattern(700)]);
    expect(made.consumedBytes).toBe(bytes);
  });
});
