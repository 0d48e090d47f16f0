// An option as sources and documentation see it. Names, texts and checks are derived from its schema.

import { Value } from 'typebox/value';
import { listFaults, type ValueFault } from './list-faults.js';
import type { OptionDetails, OptionSchema } from './option-kinds.js';
import { quoted } from './quoted.js';
import { type ConfigKey, configSchema } from './schema.js';

/** The properties of every option, which at least has a key in the file. */
export interface FileOption extends OptionDetails {
  readonly key: ConfigKey;
  readonly defaultValue: unknown;
  readonly schema: OptionSchema;
}

/** An option that can also be set outside the file. */
export interface Option extends FileOption {
  /** `--http-port`; undefined if the value must not appear on a command line. */
  readonly flag: string | undefined;
  /** Environment variables that set it, in order of precedence: `SLUICE_HTTP_PORT`. */
  readonly environment: readonly [string, ...string[]];
}

const separated = (key: string, separator: string): string =>
  key.replace(/[A-Z]/g, (letter) => `${separator}${letter.toLowerCase()}`);

/** Every option, in the order of the schema. */
export const FILE_OPTIONS: readonly FileOption[] = Object.entries(configSchema.properties).map(([key, property]) => {
  const schema = property as unknown as OptionSchema & OptionDetails;
  return { ...pickDetails(schema), key: key as ConfigKey, defaultValue: schema.default, schema };
});

/** The options that have an environment variable, and most of them a flag. */
export const OPTIONS: readonly Option[] = FILE_OPTIONS.filter(({ fileOnly }) => fileOnly !== true).map((option) => ({
  ...option,
  flag: option.noFlag === true ? undefined : `--${separated(option.key, '-')}`,
  environment: [`SLUICE_${separated(option.key, '_').toUpperCase()}`, ...(option.aliases ?? [])],
}));

function pickDetails(schema: OptionDetails): OptionDetails {
  const { description, placeholder } = schema;
  return {
    description,
    placeholder,
    ...(schema.unit !== undefined && { unit: schema.unit }),
    ...(schema.fallback !== undefined && { fallback: schema.fallback }),
    ...(schema.secret !== undefined && { secret: schema.secret }),
    ...(schema.aliases !== undefined && { aliases: schema.aliases }),
    ...(schema.fileOnly !== undefined && { fileOnly: schema.fileOnly }),
    ...(schema.noFlag !== undefined && { noFlag: schema.noFlag }),
  };
}

/** Description of a valid value: `a whole number from 0 to 65535`. */
export function expectedValue(option: FileOption): string {
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
  | { readonly ok: false; readonly faults: readonly ValueFault[] };

/**
 * Reads one value from any source: text is converted to a number or a list if the option needs one, then validated by the schema. Each
 * fault says what was given and what was expected, and hides secrets.
 */
export function readValue(option: FileOption, raw: unknown): ReadResult {
  const value = typeof raw === 'string' ? fromText(option, raw) : raw;
  if (Value.Check(configSchema.properties[option.key], value)) return { ok: true, value };
  const faults = Array.isArray(value) && option.schema.type === 'array' ? listFaults(option.schema, value) : [];
  if (faults.length > 0) return { ok: false, faults };
  const got = option.secret ? 'a value (not shown)' : quoted(raw);
  return { ok: false, faults: [{ text: `got ${got}, expected ${expectedValue(option)}` }] };
}

function fromText(option: FileOption, text: string): unknown {
  const trimmed = text.trim();
  switch (option.schema.type) {
    case 'integer':
      return /^-?\d{1,15}$/.test(trimmed) ? Number(trimmed) : text;
    case 'number':
      return /^-?(\d{1,15}\.?\d*|\.\d+)$/.test(trimmed) ? Number(trimmed) : text;
    case 'array':
      return trimmed.split(',').map((item) => item.trim());
    case 'object':
    case 'string':
    case undefined:
      return option.schema.anyOf !== undefined && /^\d{1,15}$/.test(trimmed) ? Number(trimmed) : trimmed;
  }
}
