// The kinds of values that options can have. With them, the table of options states only what is specific to each option.

import { Type } from 'typebox';

/**
 * Properties of an option beyond JSON Schema. Everything that a user sees about an option is derived from its schema. `secret` values are
 * never shown; `aliases` are additional environment variables that set the option.
 */
export interface OptionDetails {
  readonly description: string;
  /** `s`, `bytes`, …; shown with the value. */
  readonly unit?: string;
  /** Placeholder for the value in the help text: `PORT`, `DIR`, …. */
  readonly placeholder: string;
  /** Description of the values that `pattern` allows. */
  readonly expected?: string;
  /** Text for the documentation that describes the default, if the option has no `default`. */
  readonly fallback?: string;
  readonly secret?: boolean;
  readonly aliases?: readonly string[];
  /** Whether it has neither flag nor environment variable, because it is rarely set or does not fit on a command line. */
  readonly fileOnly?: boolean;
  /** Whether it has an environment variable but no flag, because other users of the machine may see flags. */
  readonly noFlag?: boolean;
}

/** The JSON Schema keywords that are used for options and their entries. */
export interface OptionSchema extends Partial<OptionDetails> {
  readonly type?: 'integer' | 'number' | 'string' | 'array' | 'object';
  readonly enum?: readonly string[];
  /** Kinds of which the value has one: a number or a word. */
  readonly anyOf?: readonly OptionSchema[];
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

/** The properties that each option specifies itself; the rest follows from its kind. */
type Details = Omit<OptionDetails, 'placeholder'>;

const PORTS = { minimum: 0, maximum: 65_535, placeholder: 'PORT' };

export const port = (details: Details & { default: number }) => Type.Integer({ ...PORTS, ...details });

/** The port of a server that is off unless a port is set. */
export const optionalPort = (details: Details) =>
  Type.Optional(Type.Integer({ ...PORTS, fallback: 'off', ...details }));

/** A port that is chosen by default, and can be turned off. */
export const portOrNone = (details: Details & { fallback: string }) =>
  Type.Optional(
    Type.Union([Type.Integer({ minimum: PORTS.minimum, maximum: PORTS.maximum }), Type.Literal('none')], {
      placeholder: 'PORT|none',
      expected: `a whole number from ${PORTS.minimum} to ${PORTS.maximum}, or none`,
      ...details,
    }),
  );

export const count = (minimum: number, maximum: number, details: Details & { default: number }) =>
  Type.Integer({ minimum, maximum, placeholder: 'COUNT', ...details });

/** A limit that is rarely changed; can be set only in the file. */
export const limit = (minimum: number, maximum: number, details: Details & { default: number }) =>
  count(minimum, maximum, { fileOnly: true, ...details });

export const seconds = (minimum: number, maximum: number, details: Details & { default: number }) =>
  Type.Number({ minimum, maximum, unit: 's', placeholder: 'SECONDS', ...details });

export const text = (details: OptionDetails & { default?: string; pattern?: string }) =>
  Type.String({ minLength: 1, maxLength: 4096, ...details });

/** One of a fixed set of words. */
export const choice = <Words extends string[]>(
  words: readonly [...Words],
  details: Details & { placeholder?: string; default: Words[number] },
) => Type.Enum(words, { placeholder: words.join('|'), ...details });
