// Extracts onMetaData from data messages in the form that FLV files have, with or without the encoder's @setDataFrame wrapper. Drops all
// other data.

import { encodeAmf0 } from '../amf/amf0-encoder.js';
import type { AmfLimits } from '../amf/budget.js';
import { plainAmf0 } from '../amf/plain-amf0.js';
import { SluiceError } from '../errors.js';

/** The AMF0 strings that a metadata message starts with. */
const SET_DATA_FRAME = encodeAmf0(['@setDataFrame']);
const ON_META_DATA = encodeAmf0(['onMetaData']);

/**
 * Returns the body of an FLV script tag if the data message contains metadata. The result is AMF0, even if the message was AMF3.
 * @returns undefined for other data, and for data that is not AMF0: some encoders send a timecode as 4 bare bytes
 */
export function metadataBody(body: Buffer, amfLimits?: AmfLimits): Buffer | undefined {
  let plain: Buffer;
  try {
    plain = plainAmf0(body, amfLimits);
  } catch (error) {
    if (error instanceof SluiceError) return undefined;
    throw error;
  }
  const unwrapped = startsWith(plain, SET_DATA_FRAME) ? plain.subarray(SET_DATA_FRAME.length) : plain;
  return startsWith(unwrapped, ON_META_DATA) ? unwrapped : undefined;
}

/** Wraps the body of a script tag in a data message, in the form that servers expect from an encoder. */
export function dataMessageBody(scriptBody: Buffer): Buffer {
  return startsWith(scriptBody, ON_META_DATA) ? Buffer.concat([SET_DATA_FRAME, scriptBody]) : scriptBody;
}

function startsWith(body: Buffer, prefix: Buffer): boolean {
  return body.length >= prefix.length && body.compare(prefix, 0, prefix.length, 0, prefix.length) === 0;
}
