// Merges all sources into one validated configuration, or reports all problems at once.

import { resolve } from 'node:path';
import { conflicts, ineffectiveOptions, type OriginOf } from './conflicts.js';
import { type Environment, processEnvironment, readEnvironment } from './environment.js';
import { configError } from './errors.js';
import { readConfigFile } from './file.js';
import { readFlags } from './flags.js';
import { FILE_OPTIONS, readValue } from './option.js';
import { NO_MEDIA_DIRECTORY } from './options/places.js';
import { OPEN_PUBLISHING } from './options/publishing.js';
import { type ProgramOptions, readProgramOptions } from './program-options.js';
import type { Config, ConfigKey } from './schema.js';
import { type Assignment, placeOf } from './source.js';

export interface ConfigSources {
  /** Arguments after the command; default none. */
  readonly argv?: readonly string[];
  /** Default: the environment of this process. */
  readonly env?: Environment;
  /** Options of the embedding program; they override every other source. */
  readonly options?: ProgramOptions;
  /** Base directory for relative paths. Default: the working directory. */
  readonly cwd?: string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Values that are allowed but probably mistakes, one line each. */
  readonly warnings: readonly string[];
}

/**
 * Precedence: defaults < file < environment < flags < options of the program. Paths of directories and files are returned absolute.
 * @throws {SluiceError} `config.invalid`, with one line per problem
 */
export function loadConfig(sources: ConfigSources = {}): Config {
  return loadConfigWithWarnings(sources).config;
}

/** Like `loadConfig`, with the warnings. @throws {SluiceError} `config.invalid` */
export function loadConfigWithWarnings(sources: ConfigSources = {}): LoadedConfig {
  const cwd = sources.cwd ?? process.cwd();
  const flags = readFlags(sources.argv ?? []);
  const environment = readEnvironment(sources.env ?? processEnvironment());
  const configFile = flags.configFile ?? environment.configFile;
  const file = configFile === undefined ? undefined : readConfigFile(configFile, cwd);
  const program = readProgramOptions(sources.options ?? {});
  const readings = [...(file === undefined ? [] : [file]), environment, flags, program];

  const problems = readings.flatMap((reading) => reading.problems);
  const values = new Map<ConfigKey, unknown>();
  const assigned = new Map<ConfigKey, Assignment>();
  for (const option of FILE_OPTIONS) {
    if (option.defaultValue !== undefined) values.set(option.key, option.defaultValue);
  }
  for (const assignment of readings.flatMap((reading) => reading.assignments)) {
    const { option, raw } = assignment;
    const result = readValue(option, raw);
    if (result.ok) {
      values.set(option.key, result.value);
      assigned.set(option.key, assignment);
    } else {
      problems.push(...result.faults.map(({ entry, text }) => `${placeOf(assignment, entry)}: ${text}`));
    }
  }

  // Every value in the map was validated by its own schema, and every required key has a default.
  const config = Object.fromEntries(values) as Config;
  const absolute = {
    ...config,
    mediaDir: config.mediaDir === NO_MEDIA_DIRECTORY ? NO_MEDIA_DIRECTORY : resolve(cwd, config.mediaDir),
    stateDir: resolve(cwd, config.stateDir),
    recordDir: resolve(cwd, config.recordDir),
    ...(config.slate !== undefined && { slate: resolve(cwd, config.slate) }),
    ...(config.tlsCert !== undefined && { tlsCert: resolve(cwd, config.tlsCert) }),
    ...(config.s3Ca !== undefined && { s3Ca: resolve(cwd, config.s3Ca) }),
    ...(config.tlsKey !== undefined && { tlsKey: resolve(cwd, config.tlsKey) }),
  };
  const originOf: OriginOf = (key, entry) => {
    const assignment = assigned.get(key);
    return assignment === undefined ? `${key} (default)` : placeOf(assignment, entry);
  };
  problems.push(...conflicts(absolute, originOf));
  if (problems.length > 0) throw configError('config.invalid', summary(problems));
  const set = new Set(assigned.keys());
  const warnings = [
    ...readings.flatMap((reading) => reading.warnings ?? []),
    ...ineffectiveOptions(absolute, set, originOf),
  ];
  return { config: absolute, warnings };
}

/** About one screen. */
const MAX_SHOWN = 40;

function summary(problems: readonly string[]): string {
  const head = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const shown = problems.slice(0, MAX_SHOWN).map((problem) => `  ${problem}`);
  if (problems.length > MAX_SHOWN) shown.push(`  … and ${problems.length - MAX_SHOWN} more`);
  return [`${head} with the configuration:`, ...shown].join('\n');
}

const REDACTED = '[redacted]';

/** The configuration for logs and reports: secrets replaced. */
export function redactConfig(config: Config): Config {
  const secrets = FILE_OPTIONS.filter(({ secret, key }) => secret === true && config[key] !== undefined).map(
    ({ key }) => [key, redacted(config[key])] as const,
  );
  return {
    ...config,
    ...Object.fromEntries(secrets),
    users: config.users.map((user) => ({ ...user, hash: REDACTED })),
  };
}

/** For a list, only the number of entries is shown. */
function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(() => REDACTED);
  return value === OPEN_PUBLISHING ? value : REDACTED;
}
