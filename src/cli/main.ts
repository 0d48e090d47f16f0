// Chooses the command, validates the command line, and returns an exit status.

import { type LoadedConfig, loadConfigWithWarnings } from '../config/load-config.js';
import type { Config } from '../config/schema.js';
import { didYouMean } from '../config/suggestion.js';
import { programVersion } from '../gateway.js';
import { SluiceError } from '../protocols/errors.js';
import { demo } from './demo.js';
import { doctor } from './doctor.js';
import { hashPasswordCommand } from './hash-password.js';
import { helpText } from './help-text.js';
import { type CommandIo, type ConfigDetails, EXIT_OK, EXIT_USAGE } from './io.js';
import { SIGN_FLAGS } from './link-times.js';
import { audit, TOKEN_FLAGS, token } from './operator-tokens.js';
import { type CommandArguments, revoke, sign } from './play-links.js';
import { KEY_FLAGS, key, USER_FLAGS, user } from './publishers.js';
import { RECORDING_FLAGS, recording } from './recordings.js';
import { serve } from './serve.js';
import { TARGET_FLAGS, target } from './targets.js';

type Command = (config: Config, io: CommandIo, details: ConfigDetails) => Promise<number>;
type LinkCommand = (config: Config, io: CommandIo, given: CommandArguments) => Promise<number>;

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['serve', serve],
  ['demo', demo],
  ['doctor', doctor],
]);
/** Commands that have words and flags of their own beside the options of the configuration. */
const LINK_COMMANDS: ReadonlyMap<string, readonly [LinkCommand, readonly string[]]> = new Map([
  ['sign', [sign, SIGN_FLAGS]],
  ['revoke', [revoke, []]],
  ['key', [key, KEY_FLAGS]],
  ['user', [user, USER_FLAGS]],
  ['target', [target, TARGET_FLAGS]],
  ['token', [token, TOKEN_FLAGS]],
  ['audit', [audit, []]],
  ['recording', [recording, RECORDING_FLAGS]],
]);
const DEFAULT_COMMAND = 'serve';
/** This command has its own arguments and needs no configuration. */
const HASH_PASSWORD = 'hash-password';

/** @param argv arguments after the program's name. @returns the exit status */
export async function main(argv: readonly string[], io: CommandIo): Promise<number> {
  if (argv.some((argument) => argument === '--help' || argument === '-h') || argv[0] === 'help') {
    io.stdout.write(helpText());
    return EXIT_OK;
  }
  if (argv.some((argument) => argument === '--version' || argument === '-V')) {
    io.stdout.write(`${programVersion()}\n`);
    return EXIT_OK;
  }
  const [first] = argv;
  if (first === HASH_PASSWORD) return hashPasswordCommand(argv.slice(1), io);
  const named = first !== undefined && !first.startsWith('-');
  const name = named ? first : DEFAULT_COMMAND;
  const [linkCommand, ownFlags = []] = LINK_COMMANDS.get(name) ?? [];
  const { given, options } =
    linkCommand === undefined
      ? { given: undefined, options: named ? argv.slice(1) : argv }
      : split(argv.slice(1), ownFlags);
  const command: Command | undefined =
    linkCommand !== undefined && given !== undefined
      ? (config, io) => linkCommand(config, io, given)
      : COMMANDS.get(name);
  const problems: string[] = [];
  if (command === undefined) {
    const known = [...COMMANDS.keys(), ...LINK_COMMANDS.keys(), HASH_PASSWORD];
    const shown = JSON.stringify(name.slice(0, 64));
    problems.push(`${shown}: unknown command, expected ${known.join(', ')}${didYouMean(name, known)}`);
  }
  const read = () => loadConfigWithWarnings({ argv: options, env: io.env, cwd: io.cwd });
  let loaded: LoadedConfig | undefined;
  try {
    loaded = read();
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    problems.push(error.message);
  }
  if (command === undefined || loaded === undefined) {
    io.stderr.write(`sluice: ${problems.join('\n')}\nsluice --help lists every command and option.\n`);
    return EXIT_USAGE;
  }
  const { config, warnings } = loaded;
  return command(config, io, { warnings, readConfig: () => read().config });
}

/** Divides a command line into arguments of the command and options of the configuration. */
function split(argv: readonly string[], ownFlags: readonly string[]): { given: CommandArguments; options: string[] } {
  const words: string[] = [];
  const flags = new Map<string, string>();
  const options: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? '';
    if (!argument.startsWith('-')) {
      words.push(argument);
      continue;
    }
    const equals = argument.indexOf('=');
    const flag = equals < 0 ? argument : argument.slice(0, equals);
    const hasValue = equals < 0 && argv[i + 1] !== undefined && !argv[i + 1]?.startsWith('--');
    const value = equals < 0 ? (hasValue ? (argv[i + 1] ?? '') : '') : argument.slice(equals + 1);
    if (ownFlags.includes(flag)) flags.set(flag, value);
    else options.push(argument, ...(hasValue ? [value] : []));
    if (hasValue) i++;
  }
  return { given: { words, flags }, options };
}
