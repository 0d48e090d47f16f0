// Options that a program gives as an object: a source like file, environment and flags, checked by the same schema.
import { FILE_OPTIONS } from './option.js';
import type { Config } from './schema.js';
import type { Assignment, SourceReading } from './source.js';
import { didYouMean } from './suggestion.js';

/** Every option of docs/configuration.md by its key, those that only the file can set included; what is left out has its default. */
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
