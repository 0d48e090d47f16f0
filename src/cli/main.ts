// Chooses the command, validates the command line, and returns an exit status.

import { type LoadedConfig, loadConfigWithWarnings } from '../config/load-config.js';
import type { Config } from '../config/schema.js';
import { didYouMean } from '../config/suggestion.js';
import { SluiceError } from '../protocols/errors.js';
import { demo } from './demo.js';
import { doctor } from './doctor.js';
import { hashPasswordCommand } from './hash-password.js';
import { helpText, packageVersion } from './help-text.js';
import { type CommandIo, type ConfigDetails, EXIT_OK, EXIT_USAGE } from './io.js';
import { serve } from './serve.js';

type Command = (config: Config, io: CommandIo, details: ConfigDetails) => Promise<number>;

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['serve', serve],
  ['demo', demo],
  ['doctor', doctor],
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
    io.stdout.write(`${packageVersion()}\n`);
    return EXIT_OK;
  }
  const [first] = argv;
  if (first === HASH_PASSWORD) return hashPasswordCommand(argv.slice(1), io);
  const named = first !== undefined && !first.startsWith('-');
  const name = named ? first : DEFAULT_COMMAND;
  const command = COMMANDS.get(name);
  const problems: string[] = [];
  if (command === undefined) {
    const known = [...COMMANDS.keys(), HASH_PASSWORD];
    const shown = JSON.stringify(name.slice(0, 64));
    problems.push(`${shown}: unknown command, expected ${known.join(', ')}${didYouMean(name, known)}`);
  }
  const read = () => loadConfigWithWarnings({ argv: named ? argv.slice(1) : argv, env: io.env, cwd: io.cwd });
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
