// Reads options from the command line. The flags are generated from the schema, so none can be forgotten.

import { OPTIONS } from './option.js';
import { quoted } from './quoted.js';
import type { Assignment, SourceReading } from './source.js';
import { didYouMean } from './suggestion.js';

export interface FlagReading extends SourceReading {
  /** `--config FILE` */
  readonly configFile?: string;
}

const CONFIG_FLAG = '--config';

/**
 * Reads `--flag value` and `--flag=value`. If a flag is repeated, the last one counts, with a warning. Never throws: every mistake is
 * reported as a problem.
 */
export function readFlags(argv: readonly string[]): FlagReading {
  const assignments: Assignment[] = [];
  const problems: string[] = [];
  const warnings = new Map<string, string>();
  let configFile: string | undefined;
  const known = [...OPTIONS.flatMap(({ flag }) => flag ?? []), CONFIG_FLAG, '--help', '--version'];

  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? '';
    if (!argument.startsWith('-') || argument === '-') {
      problems.push(`${quoted(argument)}: unexpected argument, options start with --`);
      continue;
    }
    const equals = argument.indexOf('=');
    const flag = equals < 0 ? argument : argument.slice(0, equals);
    let raw = equals < 0 ? undefined : argument.slice(equals + 1);
    const next = argv[i + 1];
    // "-1" is a (wrong) value, "--host" is the next flag. An unknown flag also takes a value, because that may be a secret and must not be
    // shown.
    if (raw === undefined && next !== undefined && !next.startsWith('--')) {
      raw = next;
      i++;
    }
    const option = OPTIONS.find((candidate) => candidate.flag === flag);
    if (option === undefined && flag !== CONFIG_FLAG) {
      const shown = flag.length > 64 ? `${flag.slice(0, 64)}…` : flag;
      problems.push(`${printable(shown)}: unknown option${didYouMean(flag, known)}`);
    } else if (raw === undefined || raw === '') {
      problems.push(`${flag}: needs a value, ${flag} ${option?.placeholder ?? 'FILE'}`);
    } else if (option === undefined) {
      if (configFile !== undefined) warnings.set(flag, `${flag} is given more than once: ${quoted(raw)} counts`);
      configFile = raw;
    } else {
      if (assignments.some((assignment) => assignment.option === option)) {
        const value = option.secret ? 'the last value' : quoted(raw);
        warnings.set(flag, `${flag} is given more than once: ${value} counts`);
      }
      assignments.push({ option, raw, origin: flag });
    }
  }
  return { assignments, problems, warnings: [...warnings.values()], ...(configFile !== undefined && { configFile }) };
}

/** The flag as typed, without characters that a terminal would interpret. */
function printable(flag: string): string {
  return JSON.stringify(flag).slice(1, -1);
}
