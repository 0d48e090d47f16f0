// Whatever is sent, the pieces that wait for the rest of a picture are bounded in bytes, and torn pictures are reported and dropped.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccessUnits, type AssemblyFinding, type Picture } from '../../../src/protocols/bitstream/access-units.js';
import { Av1Bitstream } from '../../../src/protocols/bitstream/av1-bitstream.js';
import { AvcBitstream } from '../../../src/protocols/bitstream/avc-bitstream.js';
import type { Bitstream } from '../../../src/protocols/bitstream/bitstream.js';
import { HevcBitstream } from '../../../src/protocols/bitstream/hevc-bitstream.js';
import { buildSps } from '../mp4/bit-writer.js';

function cutter(bitstream: Bitstream = new AvcBitstream(), maxBytes?: number) {
  const pictures: Picture<number>[] = [];
  const findings: AssemblyFinding[] = [];
  const units = new AccessUnits<number>({
    bitstream,
    onPicture: (picture) => pictures.push(picture),
    onFinding: (finding) => findings.push(finding),
    ...(maxBytes !== undefined && { maxBytes }),
  });
  let sent = 0;
  const push = (...parts: Buffer[]): void => {
    const message = Buffer.concat(
      parts.flatMap((part) => [Buffer.from([0, 0, part.length >> 8, part.length & 0xff]), part]),
    );
    const split = bitstream.split(message);
    if (split === undefined) throw new Error('the test wrote a broken message');
    units.push(sent, split);
    sent += 1;
  };
  return { units, pictures, findings, push };
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const AUD = hex('0910');
const SEI = hex('0605010280');
const FIRST = hex('419a21');
const NEXT = hex('411a21');
const IDR = hex('658884');
const shown = (pictures: readonly Picture<number>[]): string[] =>
  pictures.map(({ units }) => units.map((unit) => unit.toString('hex')).join(' '));

describe('AccessUnits', () => {
  it('holds only the first picture until the next message if each message is a whole picture', () => {
    const { units, pictures, push } = cutter();
    push(SEI, IDR);
    expect([pictures.length, units.holdsPicture]).toEqual([0, true]);
    push(FIRST);
    expect([pictures.length, units.holdsPicture]).toEqual([2, false]);
    push(AUD, FIRST);
    expect(pictures).toHaveLength(3);
    expect(pictures.every(({ sample }) => sample !== undefined)).toBe(true);
  });

  it('holds a picture with fewer slices than usual, until the number of slices proves unreliable', () => {
    const { pictures, push, findings } = cutter();
    push(IDR, NEXT);
    push(FIRST, NEXT);
    expect(pictures).toHaveLength(2);
    push(FIRST);
    expect(pictures).toHaveLength(2);
    push(NEXT);
    push(FIRST, NEXT);
    expect(shown(pictures)[2]).toBe('419a21 411a21');
    expect(findings).toEqual(['pieces']);

    const whole = cutter();
    for (let round = 0; round < 6; round += 1) {
      whole.push(FIRST, NEXT);
      whole.push(FIRST);
    }
    // The first one, and three that were suspected.
    expect(whole.pictures).toHaveLength(12);
    expect(whole.findings).toEqual([]);
  });

  it('reports slices that come after their picture was delivered, and then waits for them', () => {
    const { pictures, push, findings } = cutter();
    push(IDR);
    push(FIRST);
    push(NEXT);
    expect(findings).toEqual(['lost']);
    push(FIRST);
    push(NEXT);
    push(FIRST);
    expect(shown(pictures)).toEqual(['658884', '419a21', '419a21 411a21']);
    expect(findings).toEqual(['lost', 'pieces']);
  });

  it('delivers a picture that has waited too long, and then trusts the message boundaries', () => {
    const { units, pictures, push } = cutter();
    push(IDR);
    units.settle();
    expect(pictures).toHaveLength(1);
    push(FIRST);
    expect(pictures).toHaveLength(2);
  });

  it('does not treat a message without slices as a picture, and begins a picture with its delimiter', () => {
    const { units, pictures, push } = cutter();
    for (const unit of [SEI, AUD, IDR, SEI, AUD]) push(unit);
    units.flush();
    units.flush();
    // The SEI behind the slice has no picture after its delimiter that it could belong to but this one.
    expect(shown(pictures)).toEqual(['0910 0605010280 658884 0605010280']);
  });

  it('never keeps more pieces than its limit', () => {
    const sized = fc.tuple(fc.constantFrom(AUD, SEI, FIRST, NEXT, IDR, hex('6742c00c'), hex('0c')), fc.nat(300));
    const messages = fc.array(fc.array(sized, { minLength: 1, maxLength: 5 }), { maxLength: 40 });
    fc.assert(
      fc.property(messages, fc.integer({ min: 300, max: 3_000 }), (all, bound) => {
        const { units, pictures, push } = cutter(new AvcBitstream(), bound);
        for (const message of all) {
          push(...message.map(([head, size]) => Buffer.concat([head, Buffer.alloc(size, 0x55)])));
          expect(units.heldBytes).toBeLessThanOrEqual(bound);
        }
        for (const { units: parts } of pictures) {
          const roles = parts.map((part) => (part[0] ?? 0) & 0x1f);
          expect(roles.some((type) => type === 1 || type === 5)).toBe(true);
          expect(roles.lastIndexOf(9)).toBeLessThanOrEqual(0);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('counts more than the bytes of each piece, because many small ones need memory too', () => {
    const { units, push, findings } = cutter(new AvcBitstream(), 10_000);
    push(IDR);
    for (let count = 0; count < 75; count += 1) push(NEXT);
    expect(findings).toEqual([]);
    push(NEXT);
    expect(findings).toEqual(['too-large']);
    expect(units.heldBytes).toBe(0);
  });
});

describe('fields of H.264', () => {
  it('are one sample, both in one message or in two', () => {
    const bitstream = new AvcBitstream();
    bitstream.noteSequenceParameterSet(buildSps({ widthInMacroblocks: 20, heightInMapUnits: 8, interlaced: true }));
    const { pictures, push, units } = cutter(bitstream);
    // first_mb 0, slice_type 7, pps 0, frame_num, field_pic_flag 1, bottom_field_flag.
    const field = (frame: number, bottom: 0 | 1): Buffer => {
      const bits = `1${'0001000'}${'1'}${frame.toString(2).padStart(8, '0')}1${bottom}1`.padEnd(24, '0');
      return Buffer.concat([
        hex('41'),
        Buffer.from([0, 8, 16].map((at) => Number.parseInt(bits.slice(at, at + 8), 2))),
      ]);
    };
    push(field(1, 0), field(1, 1));
    push(field(2, 0));
    push(field(2, 1));
    push(field(3, 0));
    push(field(4, 0));
    units.flush();
    expect(pictures.map((picture) => picture.units.length)).toEqual([2, 2, 1, 1]);
  });
});

describe('HEVC and AV1 units', () => {
  it('of further layers belong to the picture of the first one', () => {
    const bitstream = new HevcBitstream();
    expect(bitstream.roleOf(hex('0201d0'))).toBe('first-slice');
    expect(bitstream.roleOf(hex('020150'))).toBe('next-slice');
    expect(bitstream.roleOf(hex('0209d0'))).toBe('next-slice');
    expect(['4001', '4e01', '4601', '5001', '4a01'].map((head) => bitstream.roleOf(hex(head)))).toEqual([
      'parameter-set',
      'prefix',
      'delimiter',
      'suffix',
      'suffix',
    ]);
  });

  it('AV1 frames that are not shown belong to the one that is, and only the last OBU goes without its size', () => {
    const bitstream = new Av1Bitstream();
    // frame_type 1: hidden, then shown; then one of a frame shown again.
    expect(bitstream.roleOf(hex('32022000'))).toBe('first-slice');
    expect(bitstream.mayEnd).toBe(false);
    expect(bitstream.roleOf(hex('32023000'))).toBe('next-slice');
    expect(bitstream.mayEnd).toBe(true);
    expect(bitstream.roleOf(hex('1a0180'))).toBe('first-slice');
    const joined = Buffer.concat(bitstream.join([hex('1200'), hex('302000'), hex('203000')]));
    expect(joined.toString('hex')).toBe('32022000203000');
  });
});
