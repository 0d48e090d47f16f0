// `sluice target`: manages push targets, the servers to which streams are forwarded. It changes the file of targets, and a running gateway applies
// the change within a second.

import type { Config } from '../config/schema.js';
import type { PushTargetState } from '../contracts/relay.js';
import { storedTargets } from '../gateway.js';
import { SluiceError } from '../protocols/errors.js';
import { systemClock } from '../system-clock.js';
import { type CommandIo, EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from './io.js';
import { noteChange } from './operator-tokens.js';
import type { CommandArguments } from './play-links.js';

export const TARGET_FLAGS: readonly string[] = ['--preset', '--title', '--fingerprint', '--codecs'];

const USAGE =
  'usage: sluice target add APP/NAME [--preset NAME] [--title TEXT] [--codecs hevc,…] [--fingerprint SHA256] | target list | target start ID | target stop ID | target remove ID; the command prompts for the URL with the key, or reads it from standard input';
const STREAM = /^[0-9A-Za-z_.*-]+\/[0-9A-Za-z_.*-]+$/;

type Targets = ReturnType<typeof storedTargets>;

/** @returns the exit status */
export async function target(config: Config, io: CommandIo, { words, flags }: CommandArguments): Promise<number> {
  const [what, name, ...rest] = words;
  const refuse = (text: string): number => {
    io.stderr.write(`sluice: ${text}\n`);
    return EXIT_USAGE;
  };
  if (rest.length > 0 || (what !== 'add' && flags.size > 0)) return refuse(USAGE);
  try {
    const targets = storedTargets(config, systemClock);
    await targets.open();
    try {
      if (what === 'list' && name === undefined) return list(targets, io);
      if (name === undefined) return refuse(USAGE);
      if (what === 'add') return STREAM.test(name) ? await add(config, targets, io, name, flags) : refuse(USAGE);
      if (what === 'start' || what === 'stop' || what === 'remove')
        return await change(config, targets, io, what, name);
      return refuse(USAGE);
    } finally {
      await targets.close();
    }
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    io.stderr.write(`sluice: ${error.message}\n`);
    return EXIT_FAILURE;
  }
}

async function add(
  config: Config,
  targets: Targets,
  io: CommandIo,
  stream: string,
  flags: ReadonlyMap<string, string>,
): Promise<number> {
  const url = await io.readSecret('URL (rtmp://HOST/APP/KEY), or the key alone with a preset: ');
  const [title, preset, fingerprint, codecs] = ['--title', '--preset', '--fingerprint', '--codecs'].map((flag) =>
    flags.get(flag),
  );
  const after = { stream, ...(title !== undefined && { title }), ...(preset !== undefined && { preset }) };
  await noteChange(config, { action: 'target.add', target: stream, after });
  const made = await targets.add({ stream, url, title, preset, fingerprint, codecs: codecs?.split(',') });
  io.stdout.write(`${made.id}\n`);
  io.stderr.write(`Streams ${stream} are sent to ${made.url}. To stop that: sluice target stop ${made.id}\n`);
  return EXIT_OK;
}

async function change(
  config: Config,
  targets: Targets,
  io: CommandIo,
  what: 'start' | 'stop' | 'remove',
  id: string,
): Promise<number> {
  const known = targets.find(id);
  if (known === undefined || known.configured) {
    const why =
      known === undefined ? 'there is no target with this id' : 'it is in the configuration file; change it there';
    io.stderr.write(`sluice: ${why}; sluice target list shows all of them\n`);
    return EXIT_FAILURE;
  }
  await noteChange(config, { action: `target.${what}`, target: id });
  await targets[what](id);
  const done = { start: 'started', stop: 'stopped', remove: 'removed' }[what];
  io.stdout.write(`The target ${id} is ${done}.\n`);
  return EXIT_OK;
}

function list(targets: Targets, io: CommandIo): number {
  const all = targets.list();
  if (all.length === 0) io.stderr.write('there are no targets; sluice target add APP/NAME makes one\n');
  for (const one of all) io.stdout.write(`${line(one)}\n`);
  return EXIT_OK;
}

/** Only the running gateway knows the state of the connections. */
function line({ id, stream, url, title, preset, configured, state }: PushTargetState): string {
  const notes = [
    ...(state === 'stopped' ? ['stopped'] : []),
    ...(preset === undefined ? [] : [preset]),
    ...(configured ? ['in the configuration file'] : []),
    ...(title === undefined ? [] : [`"${title}"`]),
  ];
  return [`${id}  ${stream}  ${url}`, ...notes].join('  ');
}
