// Colour information on its way from the bitstream, or the encoder's metadata, to `colr`. HDR that is shown as SDR looks grey.

/** Code points of ITU-T H.273 (ISO/IEC 23091-2); 2 = unspecified. */
export interface ColorDescription {
  /** ColourPrimaries: 1 = BT.709, 9 = BT.2020. */
  readonly primaries: number;
  /** TransferCharacteristics: 1 = BT.709, 16 = PQ, 18 = HLG. */
  readonly transfer: number;
  /** MatrixCoefficients: 1 = BT.709, 9 = BT.2020 non-constant luminance. */
  readonly matrix: number;
  readonly fullRange: boolean;
}

export const COLOR_UNSPECIFIED = 2;
const BT709 = 1;

/** Whether it contains nothing that a player could use. */
export function isUnspecified(color: ColorDescription): boolean {
  return (
    color.primaries === COLOR_UNSPECIFIED &&
    color.transfer === COLOR_UNSPECIFIED &&
    color.matrix === COLOR_UNSPECIFIED &&
    !color.fullRange
  );
}

/** Whether these are the colours that a codec string implies without its colour fields. */
export function isDefaultColor(color: ColorDescription | undefined): boolean {
  return color === undefined || (!color.fullRange && [color.primaries, color.transfer, color.matrix].every(isUsual));
}

function isUsual(codePoint: number): boolean {
  return codePoint === BT709 || codePoint === COLOR_UNSPECIFIED;
}
