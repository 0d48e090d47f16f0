// The body of an FLV script tag for a data message: onMetaData with or without the encoder's @setDataFrame wrapper, or any other message.

import { decodeAmf } from '../amf/amf0-decoder.js';
import { encodeAmf0 } from '../amf/amf0-encoder.js';
import type { AmfLimits } from '../amf/budget.js';
import { plainAmf0 } from '../amf/plain-amf0.js';
import { SluiceError } from '../errors.js';

/** The AMF0 strings that a metadata message starts with. */
const SET_DATA_FRAME = encodeAmf0(['@setDataFrame']);
const ON_META_DATA = encodeAmf0(['onMetaData']);
/** Messages between a server and its peer; they are no media of the stream. `onStatus` and the others come from relays. */
const BETWEEN_PEERS: ReadonlySet<string> = new Set([
  '|RtmpSampleAccess',
  '@clearDataFrame',
  'onStatus',
  'onPlayStatus',
]);

/**
 * Returns the body of an FLV script tag. Metadata becomes AMF0, even if it was AMF3, because its readers (FFmpeg) know only that; other
 * messages stay as they are.
 * @returns undefined for data that is not AMF (some encoders send a timecode as 4 bare bytes), has no name, or is no media of the stream
 */
export function scriptBody(body: Buffer, amfLimits?: AmfLimits): Buffer | undefined {
  try {
    const { values, usesAmf3 } = decodeAmf(body, amfLimits);
    const isWrapped = values[0] === '@setDataFrame';
    const name = values[isWrapped ? 1 : 0];
    if (typeof name !== 'string' || name === '' || BETWEEN_PEERS.has(name)) return undefined;
    if (!isWrapped && name !== 'onMetaData') return body;
    const plain = usesAmf3 ? plainAmf0(body, amfLimits) : body;
    return isWrapped ? plain.subarray(SET_DATA_FRAME.length) : plain;
  } catch (error) {
    if (error instanceof SluiceError) return undefined;
    throw error;
  }
}

/** Wraps the body of a script tag in a data message, in the form that servers expect from an encoder. */
export function dataMessageBody(scriptBody: Buffer): Buffer {
  return startsWith(scriptBody, ON_META_DATA) ? Buffer.concat([SET_DATA_FRAME, scriptBody]) : scriptBody;
}

function startsWith(body: Buffer, prefix: Buffer): boolean {
  return body.length >= prefix.length && body.compare(prefix, 0, prefix.length, 0, prefix.length) === 0;
}
