// Decodes AMF0 bodies (commands and metadata) from untrusted peers at a bounded cost.

import { ByteReader } from '../bytes/byte-reader.js';
import { SluiceError } from '../errors.js';
import { readAmf3 } from './amf3-decoder.js';
import { AmfBudget, type AmfLimits, DEFAULT_AMF_LIMITS } from './budget.js';
import { amfError } from './errors.js';
import { AMF0_MARKER } from './markers.js';
import { AmfEcmaArray, AmfObject, type AmfValue, AmfXmlDocument } from './values.js';

/**
 * Decodes all values of a body, in order (AMF0, Adobe 2007). An ECMA array that ends with the body, between two properties, is accepted as
 * complete, because some cameras omit its end marker.
 * @throws amf.malformed, amf.budget, amf.unsupported
 */
export function decodeAmf0(bytes: Uint8Array, limits: AmfLimits = DEFAULT_AMF_LIMITS): AmfValue[] {
  return decodeAmf(bytes, limits).values;
}

/** Like {@link decodeAmf0}, and reports whether any value was AMF3 behind the avmplus marker. @throws like {@link decodeAmf0} */
export function decodeAmf(
  bytes: Uint8Array,
  limits: AmfLimits = DEFAULT_AMF_LIMITS,
): { readonly values: AmfValue[]; readonly usesAmf3: boolean } {
  const decoder = new Amf0Decoder(bytes, limits);
  const values: AmfValue[] = [];
  try {
    while (decoder.hasMore()) values.push(decoder.value());
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'bytes.truncated') {
      throw amfError('amf.malformed', `an AMF value is cut short: ${error.message}`, { cause: error });
    }
    throw error;
  }
  return { values, usesAmf3: decoder.usesAmf3 };
}

class Amf0Decoder {
  readonly #reader: ByteReader;
  readonly #budget: AmfBudget;
  usesAmf3 = false;

  constructor(bytes: Uint8Array, limits: AmfLimits) {
    this.#reader = new ByteReader(bytes);
    this.#budget = new AmfBudget(limits);
  }

  hasMore(): boolean {
    return this.#reader.remaining > 0;
  }

  value(): AmfValue {
    this.#budget.countValue();
    const reader = this.#reader;
    const marker = reader.u8();
    switch (marker) {
      case AMF0_MARKER.number:
        return reader.f64be();
      case AMF0_MARKER.boolean:
        return reader.u8() !== 0;
      case AMF0_MARKER.string:
        return this.#text(reader.u16be());
      case AMF0_MARKER.object:
        return this.#object(undefined);
      case AMF0_MARKER.null:
        return null;
      case AMF0_MARKER.undefined:
      case AMF0_MARKER.unsupported:
        return undefined;
      case AMF0_MARKER.ecmaArray:
        return this.#ecmaArray();
      case AMF0_MARKER.strictArray:
        return this.#strictArray();
      case AMF0_MARKER.date:
        return this.#date();
      case AMF0_MARKER.longString:
        return this.#text(reader.u32be());
      case AMF0_MARKER.xmlDocument:
        return new AmfXmlDocument(this.#text(reader.u32be()));
      case AMF0_MARKER.typedObject:
        return this.#object(this.#text(reader.u16be()));
      case AMF0_MARKER.avmplusObject:
        this.usesAmf3 = true;
        return readAmf3(reader, this.#budget);
      case AMF0_MARKER.movieClip:
      case AMF0_MARKER.reference:
      case AMF0_MARKER.recordset:
        // A reference may point at a container that is still open; a walk over such a value would never end.
        throw amfError('amf.unsupported', `got AMF0 marker 0x${marker.toString(16)}, which no publisher needs`);
      default:
        throw amfError('amf.malformed', `got AMF0 marker 0x${marker.toString(16)}, expected 0x00-0x11`);
    }
  }

  #text(size: number): string {
    this.#budget.checkString(size);
    return this.#reader.utf8(size);
  }

  #object(className: string | undefined): AmfObject {
    const object = new AmfObject();
    object.className = className;
    this.#properties(object);
    return object;
  }

  #ecmaArray(): AmfEcmaArray {
    // 2.10: the count is only a hint; encoders write 0 or any other number.
    this.#reader.skip(4);
    const array = new AmfEcmaArray();
    this.#properties(array);
    return array;
  }

  #properties(into: AmfObject | AmfEcmaArray): void {
    this.#budget.enter();
    while (into instanceof AmfObject || this.#reader.remaining > 0) {
      const key = this.#text(this.#reader.u16be());
      // 2.11: an empty key followed by the marker 0x09 ends the object. A value never starts with 0x09.
      if (key === '' && this.#endMarker()) break;
      into.set(key, this.value());
    }
    this.#budget.leave();
  }

  #endMarker(): boolean {
    if (this.#reader.peekU8() !== AMF0_MARKER.objectEnd) return false;
    this.#reader.skip(1);
    return true;
  }

  #strictArray(): AmfValue[] {
    const declared = this.#reader.u32be();
    this.#budget.enter();
    const array: AmfValue[] = [];
    for (let index = 0; index < declared; index += 1) array.push(this.value());
    this.#budget.leave();
    return array;
  }

  #date(): Date {
    const epochMilliseconds = this.#reader.f64be();
    // 2.13: the time zone is reserved and should be 0; it does not affect the instant.
    this.#reader.skip(2);
    return new Date(epochMilliseconds);
  }
}
