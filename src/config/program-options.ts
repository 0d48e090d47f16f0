// Options that a program passes as an object: a source like file, environment and flags, validated by the same schema.
import { FILE_OPTIONS } from './option.js';
import type { Config } from './schema.js';
import type { Assignment, SourceReading } from './source.js';
import { didYouMean } from './suggestion.js';

/** All options of docs/configuration.md by key, including those that can be set only in the file; omitted options have their default. */
export type ProgramOptions = { readonly [Key in keyof Config]?: Config[Key] | undefined };

export function readProgramOptions(options: ProgramOptions): SourceReading {
  const assignments: Assignment[] = [];
  const problems: string[] = [];
  for (const [key, raw] of Object.entries(options)) {
    if (raw === undefined) continue;
    const origin = `options.${JSON.stringify(key).slice(1, -1).slice(0, 64)}`;
    const option = FILE_OPTIONS.find((candidate) => candidate.key === key);
    if (option !== undefined) {
      assignments.push({ option, raw, origin });
      continue;
    }
    const keys = FILE_OPTIONS.map((candidate) => candidate.key);
    problems.push(`${origin}: unknown option${didYouMean(key, keys)}`);
  }
  return { assignments, problems };
}
