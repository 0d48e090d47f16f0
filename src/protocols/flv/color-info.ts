// Converts the colour information (HDR) that Enhanced RTMP sends as AMF metadata to the terms of MP4.
import { decodeAmf0 } from '../amf/amf0-decoder.js';
import { type AmfValue, amfProperties } from '../amf/values.js';
import { SluiceError } from '../errors.js';
import { COLOR_UNSPECIFIED, type ColorDescription } from '../mp4/color.js';

/** Only a few numbers are expected. The bounds are tight, because this runs on the media path. */
const LIMITS = { maxDepth: 4, maxValues: 64, maxStringBytes: 256 };

/**
 * Enhanced RTMP v2, "Metadata Frame".
 * @param payload names and values alternating, in AMF0
 * @returns undefined if it contains no colour information or cannot be parsed
 */
export function readColorInfo(payload: Buffer): ColorDescription | undefined {
  const values = decode(payload);
  const at = values.indexOf('colorInfo');
  if (at < 0) return undefined;
  const config = amfProperties(amfProperties(values[at + 1])?.get('colorConfig'));
  if (config === undefined) return undefined;
  return {
    primaries: codePoint(config.get('colorPrimaries')),
    transfer: codePoint(config.get('transferCharacteristics')),
    matrix: codePoint(config.get('matrixCoefficients')),
    // Enhanced RTMP cannot express the range. Assumes limited range, as in broadcast video.
    fullRange: false,
  };
}

function codePoint(value: AmfValue): number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255 ? value : COLOR_UNSPECIFIED;
}

function decode(payload: Buffer): readonly AmfValue[] {
  try {
    return decodeAmf0(payload, LIMITS);
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    return [];
  }
}
