// The only reader of process.env. Everything else gets its settings as values, so that tests need not change the process.

import { OPTIONS } from './option.js';
import type { Assignment, SourceReading } from './source.js';
import { didYouMean } from './suggestion.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export const CONFIG_FILE_VARIABLE = 'SLUICE_CONFIG';

/** The environment of this process. */
export function processEnvironment(): Environment {
  return process.env;
}

/** Kubernetes sets such variables in every pod if there is a service called `sluice` or `sluice-…`. They are not meant as options. */
const SERVICE_LINK = /^SLUICE_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP)(_[A-Z]+)?)?)$/;

/**
 * Reads `SLUICE_…` variables; an empty one counts as not set. Unknown ones are reported, because a misspelt name would otherwise be ignored
 * silently.
 */
export function readEnvironment(env: Environment): SourceReading & { readonly configFile?: string } {
  const assignments: Assignment[] = [];
  for (const option of OPTIONS) {
    const origin = option.environment.find((name) => isSet(env[name]) && !isServiceLink(name, env[name]));
    if (origin !== undefined) assignments.push({ option, raw: env[origin], origin });
  }
  const known = [...OPTIONS.map((option) => option.environment[0]), CONFIG_FILE_VARIABLE];
  const problems = Object.keys(env)
    .filter((name) => name.startsWith('SLUICE_') && isSet(env[name]) && !known.includes(name))
    .filter((name) => !SERVICE_LINK.test(name))
    .map((name) => `${name}: unknown environment variable${didYouMean(name, known)}`);
  const configFile = env[CONFIG_FILE_VARIABLE];
  return { assignments, problems, ...(isSet(configFile) && { configFile }) };
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}

/** Recognizes SLUICE_RTMP_PORT=tcp://10.0.0.1:1935, which Kubernetes sets for a service called `sluice-rtmp`. */
function isServiceLink(name: string, value: string | undefined): boolean {
  return name.endsWith('_PORT') && /^(tcp|udp):\/\//.test(value ?? '');
}
