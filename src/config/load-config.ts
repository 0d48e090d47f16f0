// Joins the sources into one checked configuration, or says everything that is wrong with them at once.

import { isIP } from 'node:net';
import { relative, resolve, sep } from 'node:path';
import { type Environment, processEnvironment, readEnvironment } from './environment.js';
import { configError } from './errors.js';
import { readConfigFile } from './file.js';
import { readFlags } from './flags.js';
import { FILE_OPTIONS, readValue } from './option.js';
import { OPEN_PUBLISHING } from './options/publishing.js';
import { type ProgramOptions, readProgramOptions } from './program-options.js';
import type { Config, ConfigKey } from './schema.js';

export interface ConfigSources {
  /** Arguments after the command; default none. */
  readonly argv?: readonly string[];
  /** Default: the environment of this process. */
  readonly env?: Environment;
  /** Options of the program itself, above every other source. */
  readonly options?: ProgramOptions;
  /** Directory that relative paths start from; default the working directory. */
  readonly cwd?: string;
}

/**
 * Defaults < file < environment < flags < options of the program. Directories and files come back absolute.
 * @throws {SluiceError} `config.invalid` whose message has one line per problem.
 */
export function loadConfig(sources: ConfigSources = {}): Config {
  const cwd = sources.cwd ?? process.cwd();
  const flags = readFlags(sources.argv ?? []);
  const environment = readEnvironment(sources.env ?? processEnvironment());
  const configFile = flags.configFile ?? environment.configFile;
  const file = configFile === undefined ? undefined : readConfigFile(configFile, cwd);
  const program = readProgramOptions(sources.options ?? {});
  const readings = [...(file === undefined ? [] : [file]), environment, flags, program];

  const problems = readings.flatMap((reading) => reading.problems);
  const values = new Map<ConfigKey, unknown>();
  const origins = new Map<ConfigKey, string>();
  for (const option of FILE_OPTIONS) {
    if (option.defaultValue !== undefined) values.set(option.key, option.defaultValue);
  }
  for (const { option, raw, origin } of readings.flatMap((reading) => reading.assignments)) {
    const result = readValue(option, raw);
    if (result.ok) {
      values.set(option.key, result.value);
      origins.set(option.key, origin);
    } else {
      problems.push(`${origin}: ${result.problem}`);
    }
  }

  // Every value in the map passed its own schema, and every required key has a default.
  const config = Object.fromEntries(values) as Config;
  const absolute = {
    ...config,
    mediaDir: resolve(cwd, config.mediaDir),
    stateDir: resolve(cwd, config.stateDir),
    ...(config.slate !== undefined && { slate: resolve(cwd, config.slate) }),
    ...(config.tlsCert !== undefined && { tlsCert: resolve(cwd, config.tlsCert) }),
    ...(config.tlsKey !== undefined && { tlsKey: resolve(cwd, config.tlsKey) }),
  };
  problems.push(...conflicts(absolute, (key) => origins.get(key) ?? `${key} (default)`));
  if (problems.length > 0) throw configError('config.invalid', summary(problems));
  return absolute;
}

function isAddressBlock(entry: string): boolean {
  const [address = '', prefix] = entry.split('/');
  const family = isIP(address);
  return family !== 0 && (prefix === undefined || Number(prefix) <= (family === 6 ? 128 : 32));
}

/** TLS needs its files, and no port can be had twice. */
function securePortProblems(
  config: Config,
  port: 'rtmpsPort' | 'httpsPort',
  others: readonly ('rtmpPort' | 'httpPort' | 'rtmpsPort')[],
  originOf: (key: ConfigKey) => string,
): string[] {
  if (config[port] === undefined) return [];
  const problems: string[] = [];
  for (const key of ['tlsCert', 'tlsKey'] as const) {
    if (config[key] === undefined) problems.push(`${originOf(port)}: needs ${key}, which is not set`);
  }
  for (const other of others) {
    if (config[port] === config[other] && config[port] !== 0) {
      problems.push(`${originOf(port)}: got ${config[port]}, which is taken (${originOf(other)})`);
    }
  }
  return problems;
}

/** What no option can know about itself. */
function conflicts(config: Config, originOf: (key: ConfigKey) => string): string[] {
  const problems: string[] = [];
  if (config.partDuration > config.segmentDuration) {
    problems.push(
      `${originOf('partDuration')}: got ${config.partDuration} s, expected at most the segment duration of ${config.segmentDuration} s (${originOf('segmentDuration')})`,
    );
  }
  if (config.rtmpPort === config.httpPort && config.rtmpPort !== 0) {
    problems.push(
      `${originOf('httpPort')}: got ${config.httpPort}, expected another port than RTMP's (${originOf('rtmpPort')})`,
    );
  }
  const plain = ['rtmpPort', 'httpPort'] as const;
  problems.push(...securePortProblems(config, 'rtmpsPort', plain, originOf));
  problems.push(...securePortProblems(config, 'httpsPort', [...plain, 'rtmpsPort'], originOf));
  for (const proxy of config.trustedProxies.filter((entry) => !isAddressBlock(entry))) {
    problems.push(`${originOf('trustedProxies')}: got ${proxy}, expected an IP address or CIDR block`);
  }
  const names = config.users.map(({ name }) => name);
  if (new Set(names).size < names.length)
    problems.push(`${originOf('users')}: a name is there twice, expected different names`);
  for (const user of config.users) {
    const unknown = user.apps?.find((app) => !config.apps.includes(app));
    if (unknown !== undefined) {
      problems.push(
        `${originOf('users')}: ${user.name} may publish to ${unknown}, which is not one of apps (${originOf('apps')})`,
      );
    }
  }
  if (isInside(config.stateDir, config.mediaDir)) {
    problems.push(
      `${originOf('stateDir')}: the directory of the publish key lies in the media directory (${originOf('mediaDir')}), where it could be served`,
    );
  }
  return problems;
}

function isInside(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && resolve(directory, way) === path);
}

function summary(problems: readonly string[]): string {
  const head = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return [`${head} with the configuration:`, ...problems.map((problem) => `  ${problem}`)].join('\n');
}

/** The configuration for logs and reports: secrets replaced. */
export function redactConfig(config: Config): Config {
  const hidden = config.publishKey === undefined || config.publishKey === OPEN_PUBLISHING;
  return {
    ...config,
    users: config.users.map((user) => ({ ...user, hash: '[redacted]' })),
    ...(hidden ? {} : { publishKey: '[redacted]' }),
  };
}
