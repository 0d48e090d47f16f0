// The values of AMF as a closed union. Objects are Maps, so that a key such as `__proto__` has no special meaning.

/**
 * AMF0 object (2.5) or typed object (2.18), AMF3 object (3.12). Keys keep the order of the wire; if a key occurs twice, the last value
 * counts.
 */
export class AmfObject extends Map<string, AmfValue> {
  /** Set for typed objects only. */
  className: string | undefined;
}

/**
 * AMF0 ECMA array (2.10): on the wire an object with a count, which encoders often get wrong. Also an AMF3 array with named members (3.11);
 * its dense part has the keys "0", "1" ….
 */
export class AmfEcmaArray extends Map<string, AmfValue> {}

/** AMF0 XML document (2.17), AMF3 XML (3.9, 3.13), kept as text. */
export class AmfXmlDocument {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** AMF3 vector (3.15): items of one kind. */
export class AmfVector {
  readonly itemType: 'int' | 'uint' | 'double' | 'object';
  readonly items: readonly AmfValue[];
  /** Whether the vector has a fixed length for the peer. */
  readonly fixed: boolean;
  /** For `object` only: the class of all items; empty if items may have any class. */
  readonly className: string;

  constructor(itemType: AmfVector['itemType'], items: readonly AmfValue[], fixed = false, className = '') {
    this.itemType = itemType;
    this.items = items;
    this.fixed = fixed;
    this.className = className;
  }
}

/** AMF3 dictionary (3.16): keys may be any value, and equal keys may occur twice. */
export class AmfDictionary {
  readonly entries: readonly (readonly [AmfValue, AmfValue])[];
  readonly weakKeys: boolean;

  constructor(entries: readonly (readonly [AmfValue, AmfValue])[], weakKeys = false) {
    this.entries = entries;
    this.weakKeys = weakKeys;
  }
}

/** AMF0 strict array (2.12), AMF3 array without named members (3.11). */
export type AmfStrictArray = readonly AmfValue[];

export type AmfValue =
  | number
  | boolean
  | string
  | null
  | undefined
  | Date
  | AmfXmlDocument
  | AmfObject
  | AmfEcmaArray
  | AmfStrictArray
  | AmfVector
  | AmfDictionary
  /** AMF3 byte array (3.14). */
  | Uint8Array;

/** The properties of an object or an ECMA array, which encoders use interchangeably; undefined for other values. */
export function amfProperties(value: AmfValue): ReadonlyMap<string, AmfValue> | undefined {
  return value instanceof AmfObject || value instanceof AmfEcmaArray ? value : undefined;
}

/** Makes an object from pairs, in this order. */
export function amfObject(entries: Iterable<readonly [string, AmfValue]>): AmfObject {
  return new AmfObject(entries);
}
