// An option as its sources and its documentation see it: every name, text and check is derived from the schema.

import { Value } from 'typebox/value';
import { type ConfigKey, configSchema, type OptionDetails } from './schema.js';

/** The JSON Schema keywords that option schemas use. */
interface OptionSchema extends OptionDetails {
  readonly type?: 'integer' | 'number' | 'string' | 'array';
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
}

export interface Option extends OptionDetails {
  readonly key: ConfigKey;
  /** `--http-port` */
  readonly flag: string;
  /** Environment variables that set it, the strongest first: `SLUICE_HTTP_PORT`. */
  readonly environment: readonly [string, ...string[]];
  readonly defaultValue: unknown;
  readonly schema: OptionSchema;
}

const separated = (key: string, separator: string): string =>
  key.replace(/[A-Z]/g, (letter) => `${separator}${letter.toLowerCase()}`);

export const OPTIONS: readonly Option[] = Object.entries(configSchema.properties).map(([key, property]) => {
  const schema = property as unknown as OptionSchema;
  return {
    ...pickDetails(schema),
    key: key as ConfigKey,
    flag: `--${separated(key, '-')}`,
    environment: [`SLUICE_${separated(key, '_').toUpperCase()}`, ...(schema.aliases ?? [])],
    defaultValue: schema.default,
    schema,
  };
});

function pickDetails(schema: OptionSchema): OptionDetails {
  const { description, placeholder } = schema;
  return {
    description,
    placeholder,
    ...(schema.unit !== undefined && { unit: schema.unit }),
    ...(schema.fallback !== undefined && { fallback: schema.fallback }),
    ...(schema.secret !== undefined && { secret: schema.secret }),
    ...(schema.aliases !== undefined && { aliases: schema.aliases }),
  };
}

/** What a good value looks like: `a whole number from 0 to 65535`. */
export function expectedValue(option: Option): string {
  const { schema } = option;
  if (schema.expected !== undefined) return schema.expected;
  if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`;
  if (schema.type === 'string') return 'text';
  const noun = schema.type === 'integer' ? 'a whole number' : 'a number';
  const range = schema.minimum === undefined ? '' : ` from ${schema.minimum} to ${schema.maximum}`;
  return `${noun}${range}${option.unit === undefined ? '' : ` (${option.unit})`}`;
}

export type ReadResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string };

/**
 * Reads one value from any source: text (flag, environment, file) becomes a number or a list where the option is one,
 * and the schema has the last word. The problem text says got and expected, and hides secrets.
 */
export function readValue(option: Option, raw: unknown): ReadResult {
  const value = typeof raw === 'string' ? fromText(option, raw) : raw;
  if (Value.Check(configSchema.properties[option.key], value)) return { ok: true, value };
  const got = option.secret ? 'a value (not shown)' : quoted(raw);
  return { ok: false, problem: `got ${got}, expected ${expectedValue(option)}` };
}

function fromText(option: Option, text: string): unknown {
  const trimmed = text.trim();
  switch (option.schema.type) {
    case 'integer':
      return /^-?\d{1,15}$/.test(trimmed) ? Number(trimmed) : text;
    case 'number':
      return /^-?(\d{1,15}\.?\d*|\.\d+)$/.test(trimmed) ? Number(trimmed) : text;
    case 'array':
      return trimmed.split(',').map((item) => item.trim());
    case 'string':
    case undefined:
      return trimmed;
  }
}

const MAX_SHOWN = 80;

/** A value for a message: one line, no control characters, not too long. */
export function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
