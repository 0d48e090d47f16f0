// However the bytes of a chunk stream are cut into reads, the messages are the same.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkDecoder } from '../../src/protocols/rtmp/chunk-decoder.js';
import { ChunkEncoder } from '../../src/protocols/rtmp/chunk-encoder.js';
import { DEFAULT_RTMP_LIMITS } from '../../src/protocols/rtmp/limits.js';
import { decodeMessage } from '../../src/protocols/rtmp/message-decoder.js';
import { encodeMessage, type SendableMessage } from '../../src/protocols/rtmp/message-encoder.js';
import { mediaMessage } from '../../src/protocols/rtmp/message-transport.js';
import type { RawMessage } from '../../src/protocols/rtmp/messages.js';
import { u32, WireWriter } from '../protocols/rtmp/wire-writer.js';
import { cutAt } from './cutting.js';

const SEED = 20_260_102;

/** Few ids, so that messages share chunk streams, and at least one for each form of the basic header. */
const chunkStreamId = fc.constantFrom(3, 4, 6, 63, 64, 319, 320, 65_599);
const timeStep = fc.oneof(
  fc.nat(100),
  fc.constantFrom(0, 33, 0xfffffe, 0xffffff, 0x1000000, 2 ** 31, 2 ** 32 - 40),
  fc.nat(2 ** 32 - 1),
);
/** Bodies whose bytes are likely to look like headers or timestamps. */
const body = fc
  .tuple(
    fc.oneof(fc.integer({ min: 1, max: 600 }), fc.constantFrom(127, 128, 129, 256, 5000)),
    fc.nat(255),
    fc.boolean(),
  )
  .map(([length, seed, flat]) =>
    Buffer.from(
      Array.from({ length }, (_, index) => (flat ? [0xc4, 0xff, 0x01, 0x00][index & 3] : index * 37 + seed) as number),
    ),
  );
const step = fc.record({
  chunkStreamId,
  timeStep,
  type: fc.constantFrom(8, 9, 18, 20),
  messageStreamId: fc.constantFrom(0, 1, 0xffffffff),
  body,
  /** Chooses among the header types that can express the message. */
  headerChoice: fc.nat(3),
  /** Chooses which message continues next. */
  turn: fc.nat(5),
  chunkSize: fc.option(fc.integer({ min: 128, max: 2000 }), { freq: 6, nil: undefined }),
});
type Step = ReturnType<typeof step.generate>['value'];

function drain(decoder: ChunkDecoder): RawMessage[] {
  const messages: RawMessage[] = [];
  for (let next = decoder.next(); next !== undefined; next = decoder.next()) messages.push(next);
  return messages;
}

/** Bodies as text: they compare much faster than as buffers. */
function readable(messages: readonly RawMessage[]): object[] {
  return messages.map((message) => ({ ...message, body: message.body.toString('latin1') }));
}

/** Encodes the steps as one connection, with interleaved chunks. @returns the bytes, and the messages in order of their ends. */
function speak(
  steps: readonly Step[],
  repeatsExtended: boolean,
): { wire: Buffer; expected: RawMessage[]; ambiguous: boolean } {
  const writer = new WireWriter({ repeatsExtended });
  const clocks = new Map<number, number>();
  const wire: Buffer[] = [];
  const expected: RawMessage[] = [];
  let ambiguous = false;
  let open: { message: RawMessage; chunks: Buffer[] }[] = [];
  const advance = (turn: number) => {
    const current = open[turn % open.length];
    const chunk = current?.chunks.shift();
    if (current === undefined || chunk === undefined) return;
    wire.push(chunk);
    if (current.chunks.length > 0) return;
    expected.push(current.message);
    open = open.filter((other) => other !== current);
  };
  for (const { headerChoice, turn, chunkSize, timeStep: time, ...rest } of steps) {
    while (open.some(({ message }) => message.chunkStreamId === rest.chunkStreamId)) advance(turn);
    if (chunkSize !== undefined) {
      // Chunks already cut for a message would not know of the new size.
      while (open.length > 0) advance(turn);
      const set = { chunkStreamId: 2, timestamp: 0, type: 1, messageStreamId: 0, body: u32(chunkSize) };
      wire.push(writer.message(set));
      expected.push(set);
      writer.chunkSize = chunkSize;
    }
    const timestamp = ((clocks.get(rest.chunkStreamId) ?? 0) + time) >>> 0;
    clocks.set(rest.chunkStreamId, timestamp);
    const message = { ...rest, timestamp };
    ambiguous ||= !repeatsExtended && looksExtended(message, time, writer.chunkSize);
    const types = writer.possibleTypes(message);
    open.push({ message, chunks: writer.chunks(message, types[headerChoice % types.length] as 0 | 1 | 2 | 3) });
    advance(turn);
  }
  while (open.length > 0) advance(0);
  return { wire: Buffer.concat(wire), expected, ambiguous };
}

/**
 * Whether some continuation chunk begins with the same bytes as the omitted extended timestamp (A2.16), so that a decoder cannot distinguish the two.
 */
function looksExtended({ body: sent, timestamp }: RawMessage, delta: number, chunkSize: number): boolean {
  for (let at = chunkSize; at < sent.length; at += chunkSize) {
    const start = sent.subarray(at, at + 4);
    if (start.equals(u32(timestamp).subarray(0, start.length))) return true;
    if (start.equals(u32(delta).subarray(0, start.length))) return true;
  }
  return false;
}

describe('chunk stream', () => {
  it.each([
    ['repeated', true],
    ['left out', false],
  ])('reads any chunks in any cutting, extended timestamps %s in continuations', (_name, repeatsExtended) => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 20 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        (steps, cuts) => {
          const { wire, expected, ambiguous } = speak(steps, repeatsExtended);
          fc.pre(!ambiguous);
          const decoder = new ChunkDecoder(DEFAULT_RTMP_LIMITS);
          const got: RawMessage[] = [];
          for (const part of cutAt(wire, cuts)) {
            decoder.push(part);
            got.push(...drain(decoder));
          }
          expect(readable(got)).toEqual(readable(expected));
          expect(decoder.pendingBytes).toBe(0);
          expect(decoder.consumedBytes).toBe(wire.length);
        },
      ),
      { seed: SEED, numRuns: 1500, interruptAfterTimeLimit: 20_000 },
    );
  });

  it('reads the same from one buffer that every read writes over, however far each was decoded', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 20 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        fc.array(fc.nat(3), { minLength: 1, maxLength: 30 }),
        fc.boolean(),
        (steps, cuts, patience, repeatsExtended) => {
          const { wire, expected, ambiguous } = speak(steps, repeatsExtended);
          fc.pre(!ambiguous);
          const shared = Buffer.alloc(wire.length);
          const decoder = new ChunkDecoder(DEFAULT_RTMP_LIMITS);
          const got: RawMessage[] = [];
          for (const [i, part] of cutAt(wire, cuts).entries()) {
            shared.fill(0xee);
            part.copy(shared);
            decoder.push(shared.subarray(0, part.length));
            for (let left = patience[i % patience.length] ?? 0; left > 0; left -= 1) {
              const message = decoder.next();
              if (message !== undefined) got.push(message);
            }
            decoder.keepInput();
          }
          got.push(...drain(decoder));
          expect(readable(got)).toEqual(readable(expected));
          expect(decoder.consumedBytes).toBe(wire.length);
        },
      ),
      { seed: SEED, numRuns: 1000, interruptAfterTimeLimit: 20_000 },
    );
  });

  it('reads back what our own encoder writes', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
        const encoder = new ChunkEncoder();
        const decoder = new ChunkDecoder(DEFAULT_RTMP_LIMITS);
        for (const { headerChoice: _choice, turn: _turn, chunkSize, timeStep: timestamp, ...rest } of steps) {
          if (chunkSize !== undefined) {
            const set = { chunkStreamId: 2, timestamp: 0, type: 1, messageStreamId: 0, body: u32(chunkSize) };
            decoder.push(encoder.encode(set));
            encoder.chunkSize = chunkSize;
            expect(decoder.next()).toEqual(set);
          }
          const message = { ...rest, timestamp };
          decoder.push(encoder.encode(message));
          expect(readable(drain(decoder))).toEqual(readable([message]));
        }
      }),
      { seed: SEED, numRuns: 1000, interruptAfterTimeLimit: 20_000 },
    );
  });
});

describe('messages', () => {
  const u32Value = fc.nat(0xffffffff);
  const head = { messageStreamId: u32Value, timestamp: u32Value };
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 50 }).map((part) => Buffer.from(part));
  const message: fc.Arbitrary<SendableMessage> = fc.oneof(
    fc.record({ type: fc.constant('set-chunk-size' as const), chunkSize: u32Value }),
    fc.record({ type: fc.constant('abort' as const), chunkStreamId: u32Value }),
    fc.record({ type: fc.constant('acknowledgement' as const), sequenceNumber: u32Value }),
    fc.record({ type: fc.constant('window-acknowledgement-size' as const), windowSize: u32Value }),
    fc.record({
      type: fc.constant('set-peer-bandwidth' as const),
      windowSize: u32Value,
      limitType: fc.constantFrom('hard' as const, 'soft' as const, 'dynamic' as const),
    }),
    fc.record({
      type: fc.constant('user-control' as const),
      event: fc.oneof(
        fc.record({ type: fc.constant('stream-begin' as const), messageStreamId: u32Value }),
        fc.record({ type: fc.constantFrom('ping-request' as const, 'ping-response' as const), timestamp: u32Value }),
        fc.record({
          type: fc.constant('set-buffer-length' as const),
          messageStreamId: u32Value,
          bufferLength: u32Value,
        }),
        fc.record({ type: fc.constant('other' as const), eventType: fc.integer({ min: 8, max: 65_535 }), data: bytes }),
      ),
    }),
    fc.record({
      type: fc.constantFrom('audio' as const, 'video' as const, 'data' as const, 'aggregate' as const),
      ...head,
      body: bytes,
    }),
    fc.record({
      type: fc.constant('command' as const),
      messageStreamId: u32Value,
      name: fc.string({ minLength: 1 }),
      transactionId: fc.double({ noNaN: true, noDefaultInfinity: true }),
      values: fc.array(fc.oneof(fc.constant(null), fc.string(), fc.boolean(), fc.nat()), { maxLength: 4 }),
    }),
  );

  it('are read back as they were written', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const raw = encodeMessage(sent);
        expect(mediaMessage(raw) ?? decodeMessage(raw)).toEqual(sent);
      }),
      { seed: SEED, numRuns: 2000, interruptAfterTimeLimit: 10_000 },
    );
  });
});
