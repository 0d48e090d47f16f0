// The targets of operators, as the text of a file that the gateway and commands read and change. It contains keys.

import { SluiceError } from '../protocols/errors.js';
import { relayError } from './errors.js';
import { checkedTarget, type TargetDefinition } from './target-definition.js';

/** The storage of the text. */
export interface TargetStore {
  /**
   * @param known a version that was read before
   * @returns `unchanged` if the file has the known version; undefined if there is none
   */
  read(known?: string): Promise<{ readonly version: string; readonly text: string } | 'unchanged' | undefined>;
  /** Replaces the text, with other writers locked out. */
  change(change: (text: string | undefined) => string): Promise<void>;
}

/** Maximum number of targets. */
export const MAX_TARGETS = 200;

const TEXTS = ['title', 'preset', 'ca', 'fingerprint'] as const;

/** @throws {SluiceError} `relay.targets` */
export function parseTargets(text: string | undefined): TargetDefinition[] {
  if (text === undefined) return [];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw relayError('relay.targets', 'the file of targets is not JSON', { cause });
  }
  const list = typeof value === 'object' && value !== null && 'targets' in value ? value.targets : undefined;
  if (!Array.isArray(list)) throw relayError('relay.targets', 'the file of targets has no list of targets');
  return list.map((entry: unknown) => definitionOf(entry));
}

export function targetsText(targets: readonly TargetDefinition[]): string {
  const stored = targets.map(({ configured: _, ...rest }) => rest);
  return `${JSON.stringify({ version: 1, targets: stored }, undefined, 2)}\n`;
}

function definitionOf(entry: unknown): TargetDefinition {
  const fields = typeof entry === 'object' && entry !== null ? (entry as Readonly<Record<string, unknown>>) : {};
  const { id, stream, url, codecs, stopped } = fields;
  if (typeof id !== 'string' || typeof stream !== 'string' || typeof url !== 'string') {
    throw relayError('relay.targets', 'an entry of the file of targets has no id, stream or url');
  }
  try {
    checkedTarget({ url }, []);
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    throw relayError('relay.targets', `target ${id.slice(0, 40)} of the file of targets: ${error.message}`);
  }
  const texts = TEXTS.flatMap((key) => (typeof fields[key] === 'string' ? [[key, fields[key]] as const] : []));
  return {
    ...{ id, stream, url, configured: false, stopped: stopped === true },
    ...(Object.fromEntries(texts) as Pick<TargetDefinition, (typeof TEXTS)[number]>),
    ...(Array.isArray(codecs) && { codecs: codecs.filter((codec): codec is string => typeof codec === 'string') }),
  };
}
