// `sluice key` and `sluice user`: keys and users in addition to those of the configuration. They change the file of publishers; a running
// gateway applies the change within a second.

import { hashPassword } from '../access/password-hash.js';
import {
  addKey,
  type NewKey,
  removeUser,
  revokeKey,
  rotateKey,
  setUser,
} from '../access/publishers/change-publishers.js';
import { readKeyUse } from '../access/publishers/key-use.js';
import {
  faultOfScope,
  type PublishScope,
  parsePublishers,
  publisherFile,
  type StoredKey,
  type StoredPublishers,
  type StoredUser,
} from '../access/publishers/publisher-file.js';
import { readStateFile } from '../access/state-file.js';
import type { Config } from '../config/schema.js';
import { SluiceError } from '../protocols/errors.js';
import type { Milliseconds } from '../protocols/units.js';
import { type CommandIo, EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from './io.js';
import { secondsOf } from './link-times.js';
import type { CommandArguments } from './play-links.js';

const SCOPE_FLAGS = ['--name', '--app', '--ip', '--title'];
export const KEY_FLAGS: readonly string[] = [...SCOPE_FLAGS, '--expires', '--grace', '--keep-running'];
export const USER_FLAGS: readonly string[] = SCOPE_FLAGS;

const KEY_USAGE =
  'usage: sluice key add [--name NAME,…] [--app APP,…] [--expires 7d] [--ip ADDRESS,…] [--title TEXT] | key list | key rotate ID [--grace 24h] | key revoke ID [--keep-running]';
const USER_USAGE =
  'usage: sluice user add USER [--name NAME,…] [--app APP,…] [--title TEXT] | user list | user remove USER; the password is asked for';
const USER_NAME = /^[A-Za-z0-9._@-]{1,64}$/;
const GRACE: Milliseconds = 24 * 3_600_000;

/** @returns the exit status */
export function key(config: Config, io: CommandIo, given: CommandArguments): Promise<number> {
  return inWords(io, KEY_USAGE, async () => {
    const { words, flags } = given;
    const [what, id = '', ...rest] = words;
    if (rest.length > 0) throw new UsageError('');
    switch (what) {
      case 'add':
        if (id !== '') throw new UsageError('');
        return showKey(
          config,
          io,
          await addKey(config.stateDir, scopeOf(config, flags), expiry(flags)),
          flags.get('--name'),
        );
      case 'list':
        if (id !== '' || flags.size > 0) throw new UsageError('');
        return listKeys(config, io);
      case 'rotate': {
        if (id === '') throw new UsageError('');
        const made = await rotateKey(config.stateDir, id, duration(flags, '--grace') ?? GRACE);
        return made === undefined ? unknown(io, 'key', id) : showKey(config, io, made, undefined);
      }
      case 'revoke': {
        if (id === '' || (flags.get('--keep-running') ?? '') !== '') throw new UsageError('');
        const keepRunning = flags.has('--keep-running');
        if (!(await revokeKey(config.stateDir, id, keepRunning))) return unknown(io, 'key', id);
        const after = keepRunning
          ? 'Publishers that use it are not ended.'
          : 'Publishers that use it are ended within a second.';
        io.stdout.write(`The key ${id} is revoked. ${after}\n`);
        return EXIT_OK;
      }
      default:
        throw new UsageError('');
    }
  });
}

/** @returns the exit status */
export function user(config: Config, io: CommandIo, { words, flags }: CommandArguments): Promise<number> {
  return inWords(io, USER_USAGE, async () => {
    const [what, name = '', ...rest] = words;
    if (rest.length > 0) throw new UsageError('');
    if (what === 'list' && name === '' && flags.size === 0) return listUsers(config, io);
    // The input is not repeated, because it may be the password.
    if (!USER_NAME.test(name)) throw new UsageError('');
    if (what === 'add') return addUser(config, io, name, scopeOf(config, flags));
    if (what !== 'remove' || flags.size > 0) throw new UsageError('');
    if (!(await removeUser(config.stateDir, name))) return unknown(io, 'user', name);
    io.stdout.write(`The user ${name} is removed, and ended within a second.\n`);
    return EXIT_OK;
  });
}

async function addUser({ stateDir }: Config, io: CommandIo, name: string, scope: PublishScope): Promise<number> {
  const password = await io.readSecret(`Password for ${name}: `);
  if (password === '') throw new UsageError('got no password, expected one line on standard input');
  await setUser(stateDir, name, hashPassword(name, password), scope);
  io.stdout.write(`The user ${name} may publish. A running gateway accepts it within a second.\n`);
  return EXIT_OK;
}

function showKey(config: Config, io: CommandIo, { id, secret }: NewKey, names: string | undefined): number {
  const name = names?.split(',', 1)[0] ?? 'NAME';
  io.stdout.write(
    [
      `  Key:         ${id}`,
      `  Server:      rtmp://HOST:${config.rtmpPort}/${config.apps[0]}`,
      `  Stream key:  ${name}?key=${secret}`,
      `  This is shown once. To revoke it: sluice key revoke ${id}`,
      '',
    ].join('\n'),
  );
  return EXIT_OK;
}

async function listKeys({ stateDir }: Config, io: CommandIo): Promise<number> {
  const { keys } = await readPublishers(stateDir);
  const uses = await readKeyUse(stateDir);
  if (keys.length === 0) io.stdout.write('There are no keys except the publish key of the configuration.\n');
  for (const stored of keys) {
    const used = uses[stored.key];
    io.stdout.write(
      `  ${stored.key}  ${stored.hint}…  ${stateOf(stored)}  ${used === undefined ? 'never used' : `used ${used}`}${scopeText(stored)}\n`,
    );
  }
  return EXIT_OK;
}

async function listUsers({ stateDir, users: configured }: Config, io: CommandIo): Promise<number> {
  const { users } = await readPublishers(stateDir);
  for (const { name } of configured) io.stdout.write(`  ${name}  of the configuration\n`);
  for (const stored of users) io.stdout.write(`  ${stored.user}  since ${stored.createdAt}${scopeText(stored)}\n`);
  return EXIT_OK;
}

async function readPublishers(stateDir: string): Promise<StoredPublishers> {
  const file = publisherFile(stateDir);
  return parsePublishers(file, (await readStateFile(file))?.text);
}

function stateOf({ revokedAt, expiresAt }: StoredKey): string {
  if (revokedAt !== undefined) return `revoked ${revokedAt}`;
  if (expiresAt === undefined) return 'valid';
  return `${Date.parse(expiresAt) > Date.now() ? 'until' : 'expired'} ${expiresAt}`;
}

function scopeText({ apps, names, addresses, title }: StoredKey | StoredUser): string {
  const lists = Object.entries({ apps, names, addresses }).flatMap(([what, list]) =>
    list ? [`${what} ${list.join(',')}`] : [],
  );
  return [...lists, ...(title === undefined ? [] : [`"${title}"`])].map((text) => `  ${text}`).join('');
}

function scopeOf({ apps: known }: Config, flags: ReadonlyMap<string, string>): PublishScope {
  const list = (flag: string): string[] | undefined =>
    flags
      .get(flag)
      ?.split(',')
      .map((entry) => entry.trim());
  const [names, apps, addresses, title] = [list('--name'), list('--app'), list('--ip'), flags.get('--title')];
  const scope: PublishScope = {
    ...(names && { names }),
    ...(apps && { apps }),
    ...(addresses && { addresses }),
    ...(title !== undefined && { title }),
  };
  const fault = faultOfScope(scope);
  if (fault !== undefined) throw new UsageError(fault);
  const strange = apps?.find((app) => !known.includes(app));
  if (strange !== undefined) throw new UsageError(`--app: "${strange}" is not one of apps (${known.join(', ')})`);
  return scope;
}

function expiry(flags: ReadonlyMap<string, string>): number | undefined {
  const lifetime = duration(flags, '--expires');
  return lifetime === undefined ? undefined : Date.now() + lifetime;
}

function duration(flags: ReadonlyMap<string, string>, flag: string): Milliseconds | undefined {
  const text = flags.get(flag);
  if (text === undefined) return undefined;
  const seconds = secondsOf(text);
  if (seconds === undefined)
    throw new UsageError(`${flag}: got "${text}", expected a number and s, m, h or d, such as 7d`);
  return seconds * 1000;
}

class UsageError extends Error {}

function unknown(io: CommandIo, what: string, id: string): number {
  io.stderr.write(
    `sluice: there is no ${what} ${JSON.stringify(id.slice(0, 64))}; the list shows them: sluice ${what} list\n`,
  );
  return EXIT_FAILURE;
}

async function inWords(io: CommandIo, usage: string, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UsageError) {
      io.stderr.write(`sluice: ${error.message === '' ? '' : `${error.message}\n`}${usage}\n`);
      return EXIT_USAGE;
    }
    if (!(error instanceof SluiceError)) throw error;
    io.stderr.write(`sluice: ${error.message}\n`);
    return EXIT_FAILURE;
  }
}
