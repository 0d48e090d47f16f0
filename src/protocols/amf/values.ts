// What AMF can say, as a closed union of plain values; objects are Maps, so that a key such as `__proto__` is only a key.

/**
 * AMF0 object (2.5) or typed object (2.18), AMF3 object (3.12). Keys keep the order of the wire; of two equal keys the
 * last wins.
 */
export class AmfObject extends Map<string, AmfValue> {
  /** Set for a typed object only. */
  className: string | undefined;
}

/**
 * AMF0 ECMA array (2.10): the same as an object on the wire, but for a count that nobody keeps right. Also an AMF3 array
 * with named members (3.11), its dense part under the keys "0", "1" ….
 */
export class AmfEcmaArray extends Map<string, AmfValue> {}

/** AMF0 XML document (2.17), AMF3 XML (3.9, 3.13), kept as the text it is. */
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
  /** Its length cannot change at the peer. */
  readonly fixed: boolean;
  /** Of `object` only: the class that all items belong to, empty for any. */
  readonly className: string;

  constructor(itemType: AmfVector['itemType'], items: readonly AmfValue[], fixed = false, className = '') {
    this.itemType = itemType;
    this.items = items;
    this.fixed = fixed;
    this.className = className;
  }
}

/** AMF3 dictionary (3.16): keys may be any value, and two equal ones stay two. */
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

/** The properties of an object or an ECMA array, which encoders use as if they were one thing; otherwise undefined. */
export function amfProperties(value: AmfValue): ReadonlyMap<string, AmfValue> | undefined {
  return value instanceof AmfObject || value instanceof AmfEcmaArray ? value : undefined;
}

/** An object from pairs, in this order. */
export function amfObject(entries: Iterable<readonly [string, AmfValue]>): AmfObject {
  return new AmfObject(entries);
}
