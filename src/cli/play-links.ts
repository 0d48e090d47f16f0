// `sluice sign` makes a link with which somebody may watch a protected stream; `sluice revoke` revokes it.

import { createsForeignFiles, stateOwner } from '../access/state-owner.js';
import { inspectPlaySecret, playSecretPath } from '../access/tickets/play-secrets.js';
import {
  createPlayToken,
  faultOfClaims,
  newSid,
  type PlayClaims,
  sessionOf,
  verifyPlayToken,
} from '../access/tickets/play-token.js';
import { revokeSession } from '../access/tickets/revoke-session.js';
import type { SigningKeys } from '../access/tickets/signing-keys.js';
import type { Config } from '../config/schema.js';
import { findPlayKeys } from '../gateway.js';
import { inWords, refuse } from './command-failures.js';
import { type CommandIo, EXIT_OK } from './io.js';
import { readLinkTimes } from './link-times.js';

export interface CommandArguments {
  /** Arguments that are not options of the configuration: `live/cam`, and flags with their values. */
  readonly words: readonly string[];
  readonly flags: ReadonlyMap<string, string>;
}

const SIGN_USAGE =
  'usage: sluice sign APP/NAME [--for 2h | --until 2030-12-31T18:00Z] [--start-by TIME] [--not-before TIME] [--max-height 480]';
const REVOKE_USAGE = 'usage: sluice revoke LINK, a link or a token that sluice sign printed';

/** @returns the exit status */
export async function sign(config: Config, io: CommandIo, { words, flags }: CommandArguments): Promise<number> {
  const [stream = '', ...rest] = words;
  if (rest.length > 0) return refuse(io, SIGN_USAGE);
  const now = Math.floor(Date.now() / 1000);
  const times = readLinkTimes(flags, now);
  if (typeof times === 'string') return refuse(io, `${times}\n${SIGN_USAGE}`);
  const app = stream.split('/', 1)[0] ?? '';
  const height = flags.get('--max-height');
  // A value that is not a number is refused together with the other claims.
  const cap = height === undefined ? {} : { max_height: /^\d+$/.test(height) ? Number(height) : Number.NaN };
  const claims: PlayClaims = { stream, ...times, ...cap, sid: newSid() };
  return inWords(io, async () => {
    // Checked before anything is created, so that a mistyped name leaves no secret behind.
    const isNew = config.playSecrets.length === 0 && !(await inspectPlaySecret(config.stateDir));
    const fault = faultOf(claims, config, app) ?? (isNew ? await foreignSecret(config) : undefined);
    if (fault !== undefined) return refuse(io, fault);
    const token = createPlayToken(claims, await findPlayKeys(config));
    io.stdout.write(`${describeLink(config, claims, token).join('\n')}\n`);
    for (const note of notes(config, isNew)) io.stderr.write(`${note}\n`);
    return EXIT_OK;
  });
}

/** @returns the exit status */
export async function revoke(config: Config, io: CommandIo, { words, flags }: CommandArguments): Promise<number> {
  const [link = '', ...rest] = words;
  if (link === '' || rest.length > 0 || flags.size > 0) return refuse(io, REVOKE_USAGE);
  return inWords(io, async () => {
    const keys = await existingKeys(config);
    const token = /[?&]token=([^&#]+)/.exec(link)?.[1] ?? link;
    const claims = keys && verifyPlayToken(token, keys);
    if (claims === undefined)
      return refuse(
        io,
        'this token was not made with the secret that this command sees, so it cannot be revoked here; use the --config or the flags of the gateway',
      );
    const { stream, until } = claims;
    await revokeSession(config.stateDir, { sid: sessionOf(claims, token), until });
    io.stdout.write(`The link to ${stream} is revoked. Viewers who use it are stopped within a second or two.\n`);
    return EXIT_OK;
  });
}

/** Undefined if there is no secret: a command that revokes a link must not make one. */
async function existingKeys(config: Config): Promise<SigningKeys | undefined> {
  const exists = config.playSecrets.length > 0 || (await inspectPlaySecret(config.stateDir));
  return exists ? findPlayKeys(config) : undefined;
}

/** Why the gateway would never accept this link. */
function faultOf(claims: PlayClaims, { apps }: Config, app: string): string | undefined {
  const fault = faultOfClaims(claims);
  if (fault !== undefined) return `${fault}\n${SIGN_USAGE}`;
  if (apps.includes(app)) return undefined;
  return `the application "${app}" is not one of apps (${apps.join(', ')}), so nothing is published there; use the --config or the flags of the gateway`;
}

/** Why the gateway could not read a secret that this command would make; undefined if it could. */
async function foreignSecret({ stateDir }: Config): Promise<string | undefined> {
  const owner = await stateOwner(stateDir);
  if (!createsForeignFiles(owner)) return undefined;
  return `there is no secret in ${stateDir} yet, and one must belong to user ${owner.uid}, who runs the gateway; run this command as that user, or as root`;
}

function describeLink({ publicUrl, httpPort, clockSkew }: Config, { stream, until }: PlayClaims, token: string) {
  const base = publicUrl?.replace(/\/$/, '') ?? `http://localhost:${httpPort}`;
  const end = (seconds: number) => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
  const late = clockSkew > 0 ? ` With clockSkew (${clockSkew} s) it works until ${end(until + clockSkew)}.` : '';
  const addresses = [
    `  Watch:     ${base}/watch/${stream}?token=${token}`,
    `  Embed:     ${base}/embed/${stream}?token=${token}`,
    `  Playlist:  ${base}/hls/${stream}/index.m3u8?token=${token}`,
  ];
  return [
    ...(stream.endsWith('/*') ? [] : addresses),
    `  Token:     ${token}`,
    `  Valid until ${end(until)}.${late} To end it before: sluice revoke TOKEN`,
  ];
}

/** Hints about settings to check; printed after the link. */
function notes(config: Config, isNewSecret: boolean): string[] {
  const made = `note: there was no secret, a new one was made in ${playSecretPath(config.stateDir)}; the gateway must use the same --state-dir or --config`;
  const open = `note: this command sees playAccess open and port ${config.httpPort}; if the gateway runs with other options, give this command its --config or flags`;
  return [...(isNewSecret ? [made] : []), ...(config.playAccess === 'open' ? [open] : [])];
}
