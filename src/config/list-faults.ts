// Says which entry of a list is wrong and what was expected there, because a general message does not help with a long list.

import { Value } from 'typebox/value';
import type { OptionSchema } from './option-kinds.js';
import { quoted } from './quoted.js';
import { didYouMean } from './suggestion.js';

/** A fault in a value. */
export interface ValueFault {
  /** Index in a list; undefined if the value as a whole is wrong. */
  readonly entry?: number;
  /** What was received and what was expected, in one line, without secrets. */
  readonly text: string;
}

/** @param items the value as written, of any type. @returns an empty array if the list is valid */
export function listFaults(schema: OptionSchema, items: readonly unknown[]): ValueFault[] {
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
  const faults: ValueFault[] = [];
  if (items.length < minItems) faults.push({ text: `got an empty list, expected ${schema.expected ?? 'entries'}` });
  if (items.length > maxItems) faults.push({ text: `got ${items.length} entries, expected at most ${maxItems}` });
  const entrySchema = schema.items;
  const seen = new Map<unknown, number>();
  items.forEach((item, entry) => {
    const texts = entrySchema === undefined ? [] : entryFaults(entrySchema, item, schema.secret === true);
    const earlier = schema.uniqueItems ? seen.get(item) : undefined;
    if (texts.length === 0 && earlier !== undefined) {
      texts.push(`got ${quoted(item)}, which is entry ${earlier + 1} already`);
    }
    if (!seen.has(item)) seen.set(item, entry);
    faults.push(...texts.map((text) => ({ entry, text })));
  });
  return faults;
}

function entryFaults(schema: OptionSchema, item: unknown, secret: boolean): string[] {
  if (schema.properties !== undefined) return recordFaults(schema, schema.properties, item);
  if (Value.Check(schema, item)) return [];
  return [`got ${secret ? 'a value (not shown)' : quoted(item)}, expected ${schema.expected ?? 'text'}`];
}

/** Faults of an entry with fields of its own, such as a user. Field values may be secrets. */
function recordFaults(
  schema: OptionSchema,
  properties: Readonly<Record<string, OptionSchema>>,
  item: unknown,
): string[] {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    return [`got ${item === null ? 'nothing' : Array.isArray(item) ? 'a list' : 'text'}, expected ${schema.expected}`];
  }
  const record = item as Readonly<Record<string, unknown>>;
  const fields = Object.keys(record);
  if (fields.length > 0 && !fields.some((field) => Object.hasOwn(properties, field))) {
    return [`got ${quoted(fields[0]?.slice(0, 64))} as a key, expected ${schema.expected}`];
  }
  const name = typeof record.name === 'string' && properties.name && Value.Check(properties.name, record.name);
  const who = name ? `user ${String(record.name)}: ` : '';
  const faults = fields
    .filter((field) => !Object.hasOwn(properties, field))
    .map((field) => `unknown field ${quoted(field.slice(0, 64))}${didYouMean(field, Object.keys(properties))}`);
  for (const [field, fieldSchema] of Object.entries(properties)) {
    const value = record[field];
    const required = schema.required?.includes(field) === true;
    if (!Object.hasOwn(record, field) || value === null || value === '') {
      if (required) faults.push(`${field} is missing, expected ${fieldSchema.expected}`);
      else if (Object.hasOwn(record, field)) faults.push(`${field} has no value; leave it out`);
    } else if (fieldSchema.type !== 'array') {
      if (!Value.Check(fieldSchema, value))
        faults.push(`${field}: got a value (not shown), expected ${fieldSchema.expected}`);
    } else if (!Array.isArray(value)) {
      faults.push(`${field}: expected a list`);
    } else {
      faults.push(
        ...listFaults(fieldSchema, value).map(({ entry, text }) =>
          entry === undefined ? `${field}: ${text}` : `${field}, entry ${entry + 1}: ${text}`,
        ),
      );
    }
  }
  return faults.map((fault) => `${who}${fault}`);
}
