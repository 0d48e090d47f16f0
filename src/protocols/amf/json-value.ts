// AMF values as JSON, for programs that have never heard of AMF.

import { AmfDictionary, type AmfValue, AmfVector, AmfXmlDocument } from './values.js';

type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/**
 * Dates become ISO 8601 text, byte arrays base64 text, XML documents their text; numbers that JSON does not have (NaN, infinities) become
 * null. In objects, a property with the value `undefined` is left out; elsewhere `undefined` becomes null.
 */
export function amfToJson(value: AmfValue): JsonValue {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? value : null;
    case 'boolean':
    case 'string':
      return value;
    case 'undefined':
      return null;
    default:
  }
  if (value === null) return null;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  if (value instanceof AmfXmlDocument) return value.text;
  if (value instanceof AmfVector) return value.items.map(amfToJson);
  if (value instanceof AmfDictionary) {
    return objectOf(value.entries.flatMap(([key, held]) => (isKey(key) ? [[String(key), held] as const] : [])));
  }
  if (value instanceof Map) return objectOf(value);
  return (value as readonly AmfValue[]).map(amfToJson);
}

function isKey(value: AmfValue): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

/** The keys come from outside: `fromEntries` defines properties, so that `__proto__` is a key like any other. */
function objectOf(entries: Iterable<readonly [string, AmfValue]>): { readonly [key: string]: JsonValue } {
  const kept: [string, JsonValue][] = [];
  for (const [key, value] of entries) if (value !== undefined) kept.push([key, amfToJson(value)]);
  return Object.fromEntries(kept);
}
