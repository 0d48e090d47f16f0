// The avmplus marker lets one AMF3 value stand in an AMF0 body; encoders that use it send plain values, so only those are read.

import type { ByteReader } from '../bytes/byte-reader.js';
import type { AmfBudget } from './budget.js';
import { amfError } from './errors.js';
import { AMF3_MARKER } from './markers.js';
import type { AmfValue } from './values.js';

/**
 * One AMF3 value without tables (AMF3 3.2-3.8).
 * @throws amf.unsupported for arrays, objects, references and the rest of AMF3.
 */
export function readAmf3Scalar(reader: ByteReader, budget: AmfBudget): AmfValue {
  const marker = reader.u8();
  switch (marker) {
    case AMF3_MARKER.undefined:
      return undefined;
    case AMF3_MARKER.null:
      return null;
    case AMF3_MARKER.false:
      return false;
    case AMF3_MARKER.true:
      return true;
    case AMF3_MARKER.integer:
      // U29 holds a 29-bit two's complement integer: move its sign bit to the top of an int32 and back.
      return (readU29(reader) << 3) >> 3;
    case AMF3_MARKER.double:
      return reader.f64be();
    case AMF3_MARKER.string: {
      const header = readU29(reader);
      if ((header & 1) === 0)
        throw amfError('amf.unsupported', 'got an AMF3 string reference, expected an inline string');
      const size = header >>> 1;
      budget.checkString(size);
      return reader.utf8(size);
    }
    default:
      throw amfError('amf.unsupported', `got AMF3 marker 0x${marker.toString(16)}, expected a plain value (0x00-0x06)`);
  }
}

/** Variable-length unsigned 29-bit integer (AMF3 1.3.1). */
function readU29(reader: ByteReader): number {
  let value = 0;
  for (let index = 0; index < 3; index += 1) {
    const byte = reader.u8();
    value = (value << 7) | (byte & 0x7f);
    if (byte < 0x80) return value;
  }
  return (value << 8) | reader.u8();
}
