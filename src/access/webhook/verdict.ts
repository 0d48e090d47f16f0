// The answer of a back end: its status alone, as MediaMTX defines it, or JSON with options.

import type { GrantOptions } from '../../contracts/grant.js';
import type { Milliseconds } from '../../protocols/units.js';
import type { BoundedAnswer } from '../bounded-request.js';
import { GRANT_OPTIONS, type OptionBounds, readGrantOptions } from '../policy/grant-options.js';

export interface Verdict {
  readonly allow: boolean;
  /** Shown to the person at the encoder or player. */
  readonly reason: string;
  readonly lifetime?: Milliseconds | undefined;
  /** The public name. */
  readonly name?: string | undefined;
  readonly options?: GrantOptions;
  /** True if there was no answer, or none that could be understood. */
  readonly isFailure?: boolean;
  /** Names of unknown options in the answer. */
  readonly strange: readonly string[];
}

/** Encoders print it as one short line. */
const MAX_REASON = 120;
const UNPRINTABLE = /[^\x20-\x7e\u00a0-\uffff]/g;
const NAME = /^(?!\.{1,2}$)[0-9A-Za-z_.][0-9A-Za-z_.-]{0,254}$/;
const KNOWN: readonly string[] = ['allow', 'reason', 'lifetime', 'name', ...GRANT_OPTIONS];
const MAX_STRANGE = 10;

/** @returns undefined if the status does not answer the question, such as a redirect or a server error */
export function readVerdict({ status, text }: BoundedAnswer, bounds: OptionBounds): Verdict | undefined {
  const isYes = status >= 200 && status < 300;
  if (!isYes && (status < 400 || status >= 500)) return undefined;
  const answer = parsed(text);
  const reason = typeof answer.reason === 'string' ? answer.reason.replace(UNPRINTABLE, ' ').slice(0, MAX_REASON) : '';
  const strange = Object.keys(answer)
    .filter((option) => !KNOWN.includes(option))
    .slice(0, MAX_STRANGE)
    .map((option) => option.slice(0, 32));
  const refused = (why: string): Verdict => ({ allow: false, reason: why, strange });
  if (!isYes || answer.allow === false) return refused(reason === '' ? 'the operator does not allow it' : reason);
  const { lifetime, name } = answer;
  if (lifetime !== undefined && !(typeof lifetime === 'number' && lifetime > 0 && lifetime <= 1e9)) {
    return refused('the webhook gave a lifetime that is not a number of seconds');
  }
  if (name !== undefined && !(typeof name === 'string' && NAME.test(name)))
    return refused('the webhook gave a name that is not a valid stream name');
  const read = readGrantOptions(answer, bounds);
  if (!read.ok) return refused(`the webhook gave ${read.fault}`.slice(0, MAX_REASON));
  return {
    allow: true,
    reason,
    lifetime: lifetime === undefined ? undefined : Number(lifetime) * 1000,
    name,
    options: read.options,
    strange,
  };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === 'object' && answer !== null && !Array.isArray(answer)
      ? (answer as Record<string, unknown>)
      : {};
  } catch {
    // Back ends for MediaMTX may answer with any text; only their status counts.
    return {};
  }
}
