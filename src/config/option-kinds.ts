// The few kinds of value that options have, so that a table of options says of each only what is its own.

import { Type } from 'typebox';

/**
 * What an option's schema says beyond JSON Schema; everything a user sees about an option is derived from it.
 * `secret` values are never echoed; `aliases` are further environment variables that set the option.
 */
export interface OptionDetails {
  readonly description: string;
  /** `s`, `bytes`, …; shown beside the value. */
  readonly unit?: string;
  /** What to write for the value in the help text: `PORT`, `DIR`, …. */
  readonly placeholder: string;
  /** How a value that a `pattern` admits is described to people. */
  readonly expected?: string;
  /** What holds when the option has no `default`. */
  readonly fallback?: string;
  readonly secret?: boolean;
  readonly aliases?: readonly string[];
  /** No flag and no environment variable: set by few people, or not fit for a command line. */
  readonly fileOnly?: boolean;
}

/** The JSON Schema keywords that the schemas of options and of their entries use. */
export interface OptionSchema extends Partial<OptionDetails> {
  readonly type?: 'integer' | 'number' | 'string' | 'array' | 'object';
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
  readonly items?: OptionSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly properties?: Readonly<Record<string, OptionSchema>>;
  readonly required?: readonly string[];
}

/** What the kind of the value says already is left out. */
type Details = Omit<OptionDetails, 'placeholder'>;

const PORTS = { minimum: 0, maximum: 65_535, placeholder: 'PORT' };

export const port = (details: Details & { default: number }) => Type.Integer({ ...PORTS, ...details });

/** A server that is off unless it is given a port. */
export const optionalPort = (details: Details) =>
  Type.Optional(Type.Integer({ ...PORTS, fallback: 'off', ...details }));

export const count = (minimum: number, maximum: number, details: Details & { default: number }) =>
  Type.Integer({ minimum, maximum, placeholder: 'COUNT', ...details });

/** A bound that hardly anybody changes: a key of the file alone. */
export const limit = (minimum: number, maximum: number, details: Details & { default: number }) =>
  count(minimum, maximum, { fileOnly: true, ...details });

export const seconds = (minimum: number, maximum: number, details: Details & { default: number }) =>
  Type.Number({ minimum, maximum, unit: 's', placeholder: 'SECONDS', ...details });

export const text = (details: OptionDetails & { default?: string; pattern?: string }) =>
  Type.String({ minLength: 1, maxLength: 4096, ...details });

/** One of a few words. */
export const choice = <Words extends string[]>(
  words: readonly [...Words],
  details: Details & { placeholder?: string; default: Words[number] },
) => Type.Enum(words, { placeholder: words.join('|'), ...details });
