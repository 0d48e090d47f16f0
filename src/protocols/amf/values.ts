// What AMF can say, as a closed union of plain values; objects are Maps, so that a key such as `__proto__` is only a key.

/** AMF0 object (2.5) or typed object (2.18). Keys keep the order of the wire; of two equal keys the last wins. */
export class AmfObject extends Map<string, AmfValue> {
  /** Set for a typed object only. */
  className: string | undefined;
}

/** AMF0 ECMA array (2.10): the same as an object on the wire, but for a count that nobody keeps right. */
export class AmfEcmaArray extends Map<string, AmfValue> {}

/** AMF0 XML document (2.17), kept as the text it is. */
export class AmfXmlDocument {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** AMF0 strict array (2.12). */
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
  | AmfStrictArray;

/** The properties of an object or an ECMA array, which encoders use as if they were one thing; otherwise undefined. */
export function amfProperties(value: AmfValue): ReadonlyMap<string, AmfValue> | undefined {
  return value instanceof AmfObject || value instanceof AmfEcmaArray ? value : undefined;
}

/** An object from pairs, in this order. */
export function amfObject(entries: Iterable<readonly [string, AmfValue]>): AmfObject {
  return new AmfObject(entries);
}
