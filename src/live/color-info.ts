// HDR is announced beside the pictures: what Enhanced RTMP says of colours is kept for those who write init segments.
import { decodeAmf0 } from '../protocols/amf/amf0-decoder.js';
import { amfProperties } from '../protocols/amf/values.js';
import { skipModEx } from '../protocols/flv/enhanced-header.js';
import { COLOR_UNSPECIFIED, type ColorDescription } from '../protocols/mp4/color.js';

const EX_VIDEO_FLAG = 0x80;
const PACKET_METADATA = 4;
const FOURCC_SIZE = 4;

/** What a message with Enhanced RTMP video metadata says of colours (v2, "Metadata Frame"); undefined for any other message. Never throws. */
export function readColorInfo(body: Buffer): ColorDescription | undefined {
  const head = body[0] ?? 0;
  if ((head & EX_VIDEO_FLAG) === 0) return undefined;
  const prefix = skipModEx(body, 1, head & 0x0f);
  if (prefix === undefined || prefix.packetType !== PACKET_METADATA) return undefined;
  const [name, info] = decode(body.subarray(prefix.position + FOURCC_SIZE));
  if (name !== 'colorInfo') return undefined;
  const config = amfProperties(amfProperties(info)?.get('colorConfig'));
  if (config === undefined) return undefined;
  const codePoint = (key: string): number => {
    const value = config.get(key);
    return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255
      ? value
      : COLOR_UNSPECIFIED;
  };
  return {
    primaries: codePoint('colorPrimaries'),
    transfer: codePoint('transferCharacteristics'),
    matrix: codePoint('matrixCoefficients'),
    // Enhanced RTMP has no word for it: limited range, as video is.
    fullRange: false,
  };
}

function decode(payload: Buffer): ReturnType<typeof decodeAmf0> {
  try {
    return decodeAmf0(payload);
  } catch {
    return [];
  }
}
