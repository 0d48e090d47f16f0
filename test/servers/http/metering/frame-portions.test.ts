// HTTP/2 input is cut into portions. However the bytes arrive, no byte is lost, no portion has two request heads, and resets are counted.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FramePortions } from '../../../../src/servers/http/metering/frame-portions.js';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const HEADERS = 1;
const RESET = 3;
const CONTINUATION = 9;

function frame(type: number, flags: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header.set([type, flags], 3);
  return Buffer.concat([header, payload]);
}

const head = (flags = 5): Buffer => frame(HEADERS, flags, Buffer.alloc(20, 1));
const reset = (): Buffer => frame(RESET, 0, Buffer.alloc(4));

/** The portions of bytes that arrive in these pieces. */
function portionsOf(pieces: readonly Buffer[], portions = new FramePortions()): Buffer[] {
  const given: Buffer[] = [];
  for (const piece of pieces) {
    portions.look(piece);
    let rest = piece;
    while (rest.length > 0) {
      const length = portions.next(rest);
      given.push(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  }
  return given;
}

function heads(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) if (bytes[at + 3] === HEADERS) count++;
  return count;
}

describe('portions of HTTP/2', () => {
  it('each contain one request head and the frames that belong to it', () => {
    const [preface, ...rest] = portionsOf([Buffer.concat([PREFACE, ...Array.from({ length: 50 }, head)])]);
    expect(rest).toHaveLength(49);
    expect([heads(preface?.subarray(PREFACE.length) ?? Buffer.alloc(0)), ...rest.map(heads)]).toEqual(
      Array(50).fill(1),
    );
  });

  it('lose nothing and always make progress, whatever the input and its cutting', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 30 }), (pieces) => {
        const buffers = pieces.map((piece) => Buffer.from(piece));
        expect(Buffer.concat(portionsOf(buffers))).toEqual(Buffer.concat(buffers));
      }),
    );
  });

  it('contain at most one request head, even if frames arrive in pieces', () => {
    const bytes = Buffer.concat([PREFACE, ...Array.from({ length: 40 }, () => Buffer.concat([head(), reset()]))]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 80 }), (lengths) => {
        const pieces: Buffer[] = [];
        let at = 0;
        for (const length of lengths) {
          pieces.push(bytes.subarray(at, at + length));
          at += length;
        }
        pieces.push(bytes.subarray(at));
        const given = portionsOf(pieces.filter(({ length }) => length > 0));
        expect(Buffer.concat(given)).toEqual(bytes);
        // A portion that ends inside a frame is shorter than two.
        const longest = Math.max(...given.map(({ length }) => length));
        expect(longest).toBeLessThanOrEqual(PREFACE.length + 2 * (head().length + reset().length));
      }),
    );
  });

  it('know whether a request head is incomplete', () => {
    const portions = new FramePortions();
    portions.look(Buffer.concat([PREFACE, head(1)]));
    expect(portions.isInsideHead).toBe(true);
    portions.look(frame(CONTINUATION, 4, Buffer.alloc(3)));
    expect(portions.isInsideHead).toBe(false);
  });

  it('allow a burst of 100 resets, and 30 per second in the long run', () => {
    let now = 0;
    const portions = new FramePortions(() => now);
    expect(portions.look(Buffer.concat([PREFACE, ...Array.from({ length: 100 }, reset)]))).toBeUndefined();
    now = 10_000;
    expect(portions.look(Buffer.concat(Array.from({ length: 100 }, reset)))).toBeUndefined();
    now = 13_000;
    expect(portions.look(Buffer.concat(Array.from({ length: 90 }, reset)))).toBeUndefined();
    expect(portions.look(reset())).toBe('reset-streams');
  });
});
