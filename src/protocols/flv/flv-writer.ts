// Wraps bodies in FLV tags to feed FFmpeg.
import type { Milliseconds } from '../units.js';
import { flvError } from './errors.js';
import {
  FLV_HEADER_SIZE,
  FLV_MAX_BODY_SIZE,
  FLV_PREVIOUS_TAG_SIZE,
  FLV_TAG_HEADER_SIZE,
  FLV_TAG_NUMBERS,
  type FlvTagType,
} from './flv-tag.js';

/** FLV 10.1 E.2, including PreviousTagSize0: everything before the first tag. */
export function FLV_HEADER(hasAudio: boolean, hasVideo: boolean): Buffer {
  const header = Buffer.alloc(FLV_HEADER_SIZE + FLV_PREVIOUS_TAG_SIZE);
  header.write('FLV', 0, 'latin1');
  header.writeUInt8(1, 3);
  header.writeUInt8((hasAudio ? 0x04 : 0) | (hasVideo ? 0x01 : 0), 4);
  header.writeUInt32BE(FLV_HEADER_SIZE, 5);
  return header;
}

/**
 * FLV 10.1 E.4.1: one tag as three buffers for a vectored write; the body is not copied.
 * @param timestamp decode time; taken modulo 2^32, the size of the field
 * @throws flv.tag-size above 16 MiB - 1
 */
export function flvTag(
  type: FlvTagType,
  timestamp: Milliseconds,
  body: Buffer,
): readonly [header: Buffer, body: Buffer, trailer: Buffer] {
  if (body.length > FLV_MAX_BODY_SIZE) {
    throw flvError('flv.tag-size', `got a body of ${body.length} bytes, expected at most ${FLV_MAX_BODY_SIZE}`);
  }
  // One allocation for both header and trailer: a stream makes a hundred tags a second.
  const frame = Buffer.allocUnsafe(FLV_TAG_HEADER_SIZE + FLV_PREVIOUS_TAG_SIZE);
  const time = timestamp >>> 0;
  frame.writeUInt8(FLV_TAG_NUMBERS[type], 0);
  frame.writeUIntBE(body.length, 1, 3);
  frame.writeUIntBE(time & 0xff_ffff, 4, 3);
  frame.writeUInt8(time >>> 24, 7);
  frame.writeUIntBE(0, 8, 3); // StreamID
  frame.writeUInt32BE(FLV_TAG_HEADER_SIZE + body.length, FLV_TAG_HEADER_SIZE);
  return [frame.subarray(0, FLV_TAG_HEADER_SIZE), body, frame.subarray(FLV_TAG_HEADER_SIZE)];
}
