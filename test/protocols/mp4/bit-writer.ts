// Builds codec headers field by field, so that a test shows which field it is about.

export class BitWriter {
  readonly #bits: number[] = [];

  bits(value: number, count: number): this {
    for (let index = count - 1; index >= 0; index -= 1) this.#bits.push(Math.floor(value / 2 ** index) % 2);
    return this;
  }

  flag(value: boolean): this {
    return this.bits(value ? 1 : 0, 1);
  }

  /** ue(v), H.264 9.1. */
  ue(value: number): this {
    const code = value + 1;
    const length = Math.floor(Math.log2(code)) + 1;
    return this.bits(0, length - 1).bits(code, length);
  }

  se(value: number): this {
    return this.ue(value > 0 ? 2 * value - 1 : -2 * value);
  }

  toBuffer(): Buffer {
    const bytes = Buffer.alloc(Math.ceil(this.#bits.length / 8));
    for (const [index, bit] of this.#bits.entries()) {
      const at = index >> 3;
      bytes[at] = (bytes[at] ?? 0) | (bit << (7 - (index & 7)));
    }
    return bytes;
  }
}

export interface SpsFields {
  readonly profile?: number;
  readonly level?: number;
  readonly chroma?: { readonly format: number; readonly separatePlanes?: boolean; readonly bitDepth?: number };
  /** One entry per scaling list that is present: its deltas. */
  readonly scalingLists?: readonly (readonly number[] | undefined)[];
  readonly pocType?: 0 | 1 | 2;
  /** max_num_ref_frames; default 3. */
  readonly referenceFrames?: number;
  readonly widthInMacroblocks: number;
  readonly heightInMapUnits: number;
  readonly interlaced?: boolean;
  /** left, right, top, bottom in crop units. */
  readonly crop?: readonly [number, number, number, number];
  readonly vui?: (bits: BitWriter) => void;
}

/** H.264 7.3.2.1.1, with emulation prevention. */
export function buildSps(fields: SpsFields): Buffer {
  const profile = fields.profile ?? (fields.chroma || fields.scalingLists ? 100 : 66);
  const bits = new BitWriter()
    .bits(profile, 8)
    .bits(0, 8)
    .bits(fields.level ?? 31, 8)
    .ue(0);
  if (profile >= 100) {
    const { format = 1, separatePlanes = false, bitDepth = 8 } = fields.chroma ?? {};
    bits.ue(format);
    if (format === 3) bits.flag(separatePlanes);
    bits
      .ue(bitDepth - 8)
      .ue(bitDepth - 8)
      .flag(false);
    bits.flag(fields.scalingLists !== undefined);
    if (fields.scalingLists !== undefined) {
      for (let index = 0; index < (format === 3 ? 12 : 8); index += 1) {
        const list = fields.scalingLists[index];
        bits.flag(list !== undefined);
        for (const delta of list ?? []) bits.se(delta);
      }
    }
  }
  bits.ue(4);
  const pocType = fields.pocType ?? 2;
  bits.ue(pocType);
  if (pocType === 0) bits.ue(4);
  if (pocType === 1) bits.flag(false).se(-7).se(3).ue(2).se(1).se(-1);
  bits.ue(fields.referenceFrames ?? 3).flag(false);
  bits.ue(fields.widthInMacroblocks - 1).ue(fields.heightInMapUnits - 1);
  bits.flag(fields.interlaced !== true);
  if (fields.interlaced === true) bits.flag(true);
  bits.flag(true);
  bits.flag(fields.crop !== undefined);
  for (const offset of fields.crop ?? []) bits.ue(offset);
  bits.flag(fields.vui !== undefined);
  fields.vui?.(bits);
  bits.bits(1, 1); // rbsp_stop_one_bit
  return Buffer.concat([Buffer.from([0x67]), addEmulationPrevention(bits.toBuffer())]);
}

export function addEmulationPrevention(payload: Buffer): Buffer {
  const out: number[] = [];
  let zeros = 0;
  for (const byte of payload) {
    if (zeros >= 2 && byte <= 3) {
      out.push(3);
      zeros = 0;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out.push(byte);
  }
  return Buffer.from(out);
}

/** AVCDecoderConfigurationRecord around parameter sets. */
export function buildAvcC(
  sps: readonly Buffer[],
  pps: readonly Buffer[] = [Buffer.from([0x68, 0xce, 0x3c, 0x80])],
): Buffer {
  const first = sps[0] ?? Buffer.from([0x67, 66, 0, 31]);
  const set = (nal: Buffer): Buffer => Buffer.concat([Buffer.from([nal.length >> 8, nal.length & 0xff]), nal]);
  return Buffer.concat([
    Buffer.from([1, first[1] ?? 0, first[2] ?? 0, first[3] ?? 0, 0xff, 0xe0 | sps.length]),
    ...sps.map(set),
    Buffer.from([pps.length]),
    ...pps.map(set),
  ]);
}
