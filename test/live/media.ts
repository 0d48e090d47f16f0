// Messages like those of encoders, small enough to read: the stream examines only headers.

import { encodeAmf0 } from '../../src/protocols/amf/amf0-encoder.js';
import { amfObject } from '../../src/protocols/amf/values.js';
import { buildAvcC, buildSps } from '../protocols/mp4/bit-writer.js';

export const SPS_320 = buildSps({ widthInMacroblocks: 20, heightInMapUnits: 15 });
export const SPS_640 = buildSps({ widthInMacroblocks: 40, heightInMapUnits: 30 });

export function videoHeader(sps: Buffer = SPS_320): Buffer {
  return Buffer.concat([Buffer.from('1700000000', 'hex'), buildAvcC([sps])]);
}

/** `size` bytes, 6 or more, after the five of the header: one slice, an IDR or a P slice, with its length before it. */
export function videoFrame(keyFrame: boolean, size = 10, compositionTime = 0): Buffer {
  const head = Buffer.from([keyFrame ? 0x17 : 0x27, 1, 0, 0, 0]);
  head.writeIntBE(compositionTime, 2, 3);
  const slice = Buffer.alloc(size, keyFrame ? 0x88 : 0x9a);
  slice.writeUInt32BE(size - 4);
  slice[4] = keyFrame ? 0x65 : 0x41;
  return Buffer.concat([head, slice]);
}

export function audioHeader(config = '1190'): Buffer {
  return Buffer.from(`af00${config}`, 'hex');
}

export function audioFrame(size = 5): Buffer {
  return Buffer.concat([Buffer.from('af01', 'hex'), Buffer.alloc(size, 0x21)]);
}

export function metadata(entries: Readonly<Record<string, number | string | boolean>>): Buffer {
  return encodeAmf0(['onMetaData', amfObject(Object.entries(entries))]);
}

/** All frames of a test arrive at once, however busy the machine is: what counts is their timestamps. */
export const STILL = { now: () => 0 };
