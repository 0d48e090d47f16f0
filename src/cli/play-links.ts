// `sluice sign` makes a link with which somebody may watch a protected stream; `sluice revoke` ends it before its time.

import { createPlayToken, newSid, type PlayClaims, sessionOf, verifyPlayToken } from '../access/tickets/play-token.js';
import { revokeSession } from '../access/tickets/revocations.js';
import type { Config } from '../config/schema.js';
import { findPlayKeys } from '../gateway.js';
import type { Seconds } from '../protocols/units.js';
import { type CommandIo, EXIT_OK, EXIT_USAGE } from './io.js';

export interface CommandArguments {
  /** Arguments that are no options of the configuration: `live/cam`, and flags with their values. */
  readonly words: readonly string[];
  readonly flags: ReadonlyMap<string, string>;
}

/** Flags of `sign`; everything else on its command line is an option of the configuration. */
export const SIGN_FLAGS: readonly string[] = ['--for', '--until', '--start-by', '--not-before'];

const SIGN_USAGE =
  'usage: sluice sign APP/NAME [--for 2h | --until 2030-12-31T18:00Z] [--start-by TIME] [--not-before TIME]';
const REVOKE_USAGE = 'usage: sluice revoke LINK, a link or a token that sluice sign printed';
const DEFAULT_DURATION: Seconds = 24 * 3600;
const DURATION = /^(\d{1,9})([smhd])$/;
const SECONDS_IN: Readonly<Record<string, Seconds>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** @returns the exit status */
export async function sign(config: Config, io: CommandIo, { words, flags }: CommandArguments): Promise<number> {
  const [stream = '', ...rest] = words;
  const now = Math.floor(Date.now() / 1000);
  const times = readTimes(flags, now);
  if (typeof times === 'string' || rest.length > 0) {
    io.stderr.write(`sluice: ${typeof times === 'string' ? times : SIGN_USAGE}\n`);
    return EXIT_USAGE;
  }
  const claims: PlayClaims = { stream, ...times, sid: newSid() };
  let token: string;
  try {
    token = createPlayToken(claims, await findPlayKeys(config));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    io.stderr.write(`sluice: ${error.message}\n${SIGN_USAGE}\n`);
    return EXIT_USAGE;
  }
  if (config.playAccess === 'open') {
    io.stderr.write('Everybody may watch at present: set playAccess to token, and restart the gateway.\n');
  }
  const base = config.publicUrl?.replace(/\/$/, '') ?? `http://localhost:${config.httpPort}`;
  const end = new Date(claims.until * 1000).toISOString();
  const lines = [
    ...(stream.endsWith('/*') ? [] : [`  Watch:     ${base}/watch/${stream}?token=${token}`]),
    ...(stream.endsWith('/*') ? [] : [`  Embed:     ${base}/embed/${stream}?token=${token}`]),
    ...(stream.endsWith('/*') ? [] : [`  Playlist:  ${base}/hls/${stream}/index.m3u8?token=${token}`]),
    `  Token:     ${token}`,
    `  Valid until ${end}. To end it before: sluice revoke TOKEN`,
  ];
  io.stdout.write(`${lines.join('\n')}\n`);
  return EXIT_OK;
}

/** @returns the exit status */
export async function revoke(config: Config, io: CommandIo, { words, flags }: CommandArguments): Promise<number> {
  const [link = '', ...rest] = words;
  if (link === '' || rest.length > 0 || flags.size > 0) {
    io.stderr.write(`sluice: ${REVOKE_USAGE}\n`);
    return EXIT_USAGE;
  }
  const token = /[?&]token=([^&#]+)/.exec(link)?.[1] ?? link;
  const claims = verifyPlayToken(token, await findPlayKeys(config));
  if (claims === undefined) {
    io.stderr.write('sluice: this token was not made with the secret of this gateway, so it does not let anybody in\n');
    return EXIT_USAGE;
  }
  const { stream, until } = claims;
  await revokeSession(config.stateDir, { sid: sessionOf(claims, token), until });
  io.stdout.write(`The link to ${stream} is revoked. Who watches with it is refused within a second or two.\n`);
  return EXIT_OK;
}

/** The times of the claims, or what is wrong with the flags. */
function readTimes(flags: ReadonlyMap<string, string>, now: number): Omit<PlayClaims, 'stream' | 'sid'> | string {
  const [duration, until] = [flags.get('--for'), flags.get('--until')];
  if (duration !== undefined && until !== undefined)
    return `got --for and --until, expected one of them\n${SIGN_USAGE}`;
  const seconds = duration === undefined ? DEFAULT_DURATION : secondsOf(duration);
  if (seconds === undefined) return `--for: got "${duration}", expected a number and s, m, h or d, such as 2h`;
  const times: Record<string, number> = { until: now + seconds };
  for (const [flag, claim] of [
    ['--until', 'until'],
    ['--start-by', 'start_by'],
    ['--not-before', 'not_before'],
  ] as const) {
    const text = flags.get(flag);
    if (text === undefined) continue;
    const time = Date.parse(text) / 1000;
    if (!Number.isFinite(time)) return `${flag}: got "${text}", expected a time such as 2030-12-31T18:00Z`;
    times[claim] = Math.floor(time);
  }
  if (Number(times.until) <= now) return 'the link would have ended already: its end must be in the future';
  return times as unknown as Omit<PlayClaims, 'stream' | 'sid'>;
}

function secondsOf(text: string): Seconds | undefined {
  const [, number, unit = ''] = DURATION.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * (SECONDS_IN[unit] ?? 0);
}
