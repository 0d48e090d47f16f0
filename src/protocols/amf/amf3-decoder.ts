// Decodes AMF3 at a bounded cost. Flash-era encoders use it, and its references allow a small body to encode a huge value.

import type { ByteReader } from '../bytes/byte-reader.js';
import type { AmfBudget } from './budget.js';
import { amfError } from './errors.js';
import { AMF3_MARKER } from './markers.js';
import { readU29 } from './u29.js';
import { AmfDictionary, AmfEcmaArray, AmfObject, type AmfValue, AmfVector, AmfXmlDocument } from './values.js';

/**
 * Reads one AMF3 value (Adobe 2013) with its own reference tables, as it follows the avmplus marker of AMF0. A reference to a finished
 * value returns the same object again. A value that contains itself is refused, because a walk over it would never end.
 * @throws amf.malformed, amf.budget, amf.unsupported, bytes.truncated
 */
export function readAmf3(reader: ByteReader, budget: AmfBudget): AmfValue {
  return new Amf3Decoder(reader, budget).value();
}

/** 3.12: the members of a class of objects. */
interface Traits {
  readonly className: string;
  readonly dynamic: boolean;
  readonly sealed: readonly string[];
}

/** An entry of the object reference table, with the cost of referring to it again. */
interface Finished {
  readonly value: AmfValue;
  /** Number of values in it, itself included. */
  readonly values: number;
  /** Nesting depth of containers in it, itself included. */
  readonly height: number;
}

class Amf3Decoder {
  readonly #reader: ByteReader;
  readonly #budget: AmfBudget;
  readonly #strings: { readonly text: string; readonly bytes: number }[] = [];
  /** An entry is undefined while its value is being read. */
  readonly #objects: (Finished | undefined)[] = [];
  readonly #traits: Traits[] = [];
  /** Height of the highest value read so far inside the open container. */
  #height = 0;

  constructor(reader: ByteReader, budget: AmfBudget) {
    this.#reader = reader;
    this.#budget = budget;
  }

  value(): AmfValue {
    this.#budget.countValue();
    const reader = this.#reader;
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
        // A U29 holds a 29-bit two's complement integer: shift its sign bit to the top of an int32 and back.
        return (readU29(reader) << 3) >> 3;
      case AMF3_MARKER.double:
        return reader.f64be();
      case AMF3_MARKER.string:
        return this.#string();
      case AMF3_MARKER.xmlDocument:
      case AMF3_MARKER.xml:
        return this.#complex((size) => new AmfXmlDocument(this.#text(size)));
      case AMF3_MARKER.date:
        return this.#complex(() => new Date(reader.f64be()));
      case AMF3_MARKER.array:
        return this.#complex((count) => this.#array(count));
      case AMF3_MARKER.object:
        return this.#complex((traits) => this.#object(traits));
      case AMF3_MARKER.byteArray:
        return this.#complex((size) => this.#byteArray(size));
      case AMF3_MARKER.vectorInt:
        return this.#complex((count) => this.#vector('int', count, () => reader.i32be()));
      case AMF3_MARKER.vectorUint:
        return this.#complex((count) => this.#vector('uint', count, () => reader.u32be()));
      case AMF3_MARKER.vectorDouble:
        return this.#complex((count) => this.#vector('double', count, () => reader.f64be()));
      case AMF3_MARKER.vectorObject:
        return this.#complex((count) => this.#objectVector(count));
      case AMF3_MARKER.dictionary:
        return this.#complex((count) => this.#dictionary(count));
      default:
        throw amfError('amf.malformed', `got AMF3 marker 0x${marker.toString(16)}, expected 0x00-0x11`);
    }
  }

  /**
   * Reads a value of a complex type (2.2). The low bit of its U29 header distinguishes a reference from an inline value. For an inline
   * value the other bits are passed to `read`.
   */
  #complex(read: (header: number) => AmfValue): AmfValue {
    const header = readU29(this.#reader);
    if ((header & 1) === 0) return this.#referenced(header >>> 1);
    const slot = this.#objects.length;
    this.#objects.push(undefined);
    const valuesBefore = this.#budget.values;
    const heightBefore = this.#height;
    this.#height = 0;
    this.#budget.enter();
    const value = read(header >>> 1);
    this.#budget.leave();
    const height = this.#height + 1;
    this.#objects[slot] = { value, values: this.#budget.values - valuesBefore + 1, height };
    this.#height = Math.max(heightBefore, height);
    return value;
  }

  #referenced(index: number): AmfValue {
    if (index >= this.#objects.length) {
      throw amfError('amf.malformed', `got a reference to object ${index}, expected one of ${this.#objects.length}`);
    }
    const finished = this.#objects[index];
    if (finished === undefined) throw amfError('amf.unsupported', 'got an AMF3 value that contains itself');
    // The reference itself has already been counted as one value.
    this.#budget.countRepeated(finished.values - 1, finished.height);
    this.#height = Math.max(this.#height, finished.height);
    return finished.value;
  }

  /** 1.3.2. The empty string is never added to the table. */
  #string(): string {
    const header = readU29(this.#reader);
    const index = header >>> 1;
    if ((header & 1) === 1) {
      const text = this.#text(index);
      if (index > 0) this.#strings.push({ text, bytes: index });
      return text;
    }
    const known = this.#strings[index];
    if (known === undefined) {
      throw amfError('amf.malformed', `got a reference to string ${index}, expected one of ${this.#strings.length}`);
    }
    this.#budget.countRepeatedText(known.bytes);
    return known.text;
  }

  #text(size: number): string {
    this.#budget.checkString(size);
    return this.#reader.utf8(size);
  }

  /** 3.11: named members up to an empty name, then `count` values. */
  #array(count: number): AmfValue {
    const named = new AmfEcmaArray();
    this.#members(named);
    if (named.size === 0) return this.#values(count);
    for (let index = 0; index < count; index += 1) named.set(String(index), this.value());
    return named;
  }

  #members(into: AmfObject | AmfEcmaArray): void {
    for (let name = this.#string(); name !== ''; name = this.#string()) into.set(name, this.value());
  }

  /** Reads values until `count` is reached. Nothing is allocated from the declared count: if a value is missing, reading it fails. */
  #values(count: number): AmfValue[] {
    const values: AmfValue[] = [];
    for (let index = 0; index < count; index += 1) values.push(this.value());
    return values;
  }

  /** 3.12. @param header U29O without its lowest bit. */
  #object(header: number): AmfObject {
    const traits = (header & 1) === 0 ? this.#knownTraits(header >>> 1) : this.#newTraits(header >>> 1);
    const object = new AmfObject();
    object.className = traits.className === '' ? undefined : traits.className;
    for (const name of traits.sealed) object.set(name, this.value());
    if (traits.dynamic) this.#members(object);
    return object;
  }

  #knownTraits(index: number): Traits {
    const traits = this.#traits[index];
    if (traits === undefined) {
      throw amfError('amf.malformed', `got a reference to traits ${index}, expected one of ${this.#traits.length}`);
    }
    return traits;
  }

  /** @param header externalizable, dynamic, then the number of sealed members. */
  #newTraits(header: number): Traits {
    if ((header & 1) === 1) {
      throw amfError('amf.unsupported', 'got an externalizable AMF3 object, whose bytes only its own class can read');
    }
    const className = this.#string();
    const sealed: string[] = [];
    for (let left = header >>> 2; left > 0; left -= 1) {
      // A name may take only one byte on the wire but as much memory as a value.
      this.#budget.countValue();
      sealed.push(this.#string());
    }
    const traits = { className, dynamic: (header & 2) === 2, sealed };
    this.#traits.push(traits);
    return traits;
  }

  /** 3.14. Copied, so that a kept value does not keep the whole message in memory. */
  #byteArray(size: number): Uint8Array {
    this.#budget.checkString(size);
    return new Uint8Array(this.#reader.bytes(size));
  }

  /** 3.15 */
  #vector(itemType: 'int' | 'uint' | 'double', count: number, read: () => number): AmfVector {
    const fixed = this.#reader.u8() !== 0;
    const items: number[] = [];
    for (let index = 0; index < count; index += 1) {
      this.#budget.countValue();
      items.push(read());
    }
    return new AmfVector(itemType, items, fixed);
  }

  #objectVector(count: number): AmfVector {
    const fixed = this.#reader.u8() !== 0;
    const className = this.#string();
    return new AmfVector('object', this.#values(count), fixed, className);
  }

  /** 3.16 */
  #dictionary(count: number): AmfDictionary {
    const weakKeys = this.#reader.u8() !== 0;
    const entries: [AmfValue, AmfValue][] = [];
    for (let index = 0; index < count; index += 1) entries.push([this.value(), this.value()]);
    return new AmfDictionary(entries, weakKeys);
  }
}
