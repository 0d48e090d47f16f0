// Checks what the schema of a single option cannot: values that contradict each other, or have no effect together.

import { isIP } from 'node:net';
import { relative, resolve, sep } from 'node:path';
import { Cron } from 'croner';
import { NO_ADMIN_PORT } from './options/admin.js';
import { NO_MEDIA_DIRECTORY } from './options/places.js';
import { quoted } from './quoted.js';
import type { Config, ConfigKey } from './schema.js';

/** Where an option, or one entry of its list, was set. */
export type OriginOf = (key: ConfigKey, entry?: number) => string;

function isAddressBlock(entry: string): boolean {
  const [address = '', prefix] = entry.split('/');
  const family = isIP(address);
  return family !== 0 && (prefix === undefined || Number(prefix) <= (family === 6 ? 128 : 32));
}

/** A TLS port needs certificate files, and no two servers can share a port. */
function securePortProblems(
  config: Config,
  port: 'rtmpsPort' | 'httpsPort',
  others: readonly ('rtmpPort' | 'httpPort' | 'rtmpsPort')[],
  originOf: OriginOf,
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

/** Values that contradict each other, one line each. */
export function conflicts(config: Config, originOf: OriginOf): string[] {
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
  for (const key of ['trustedProxies', 'publishAllow', 'publishDeny', 'playAllow', 'playDeny'] as const) {
    config[key].forEach((entry, i) => {
      if (isAddressBlock(entry)) return;
      problems.push(`${originOf(key, i)}: got "${entry}", expected an IP address or CIDR block`);
    });
  }
  if (config.edgeOnly === 'on' && config.edgeSecrets.length === 0) {
    problems.push(`${originOf('edgeOnly')}: needs edgeSecrets, or nobody could watch`);
  }
  problems.push(...adminProblems(config, originOf));
  problems.push(...userProblems(config, originOf));
  problems.push(...jwtProblems(config, originOf));
  problems.push(...webhookProblems(config, originOf));
  problems.push(...bucketProblems(config, originOf));
  problems.push(...unkeptMediaProblems(config, originOf));
  problems.push(...scheduleProblems(config, originOf));
  if (config.mediaDir !== NO_MEDIA_DIRECTORY && isInside(config.stateDir, config.mediaDir)) {
    problems.push(
      `${originOf('stateDir')}: the directory of the publish key lies in the media directory (${originOf('mediaDir')}), where it could be served`,
    );
  }
  for (const other of ['mediaDir', 'stateDir'] as const) {
    const path = config[other];
    if (other === 'mediaDir' && path === NO_MEDIA_DIRECTORY) continue;
    if (!isInside(config.recordDir, path) && !isInside(path, config.recordDir)) continue;
    problems.push(`${originOf('recordDir')}: must not lie in ${other} or around it (${originOf(other)})`);
  }
  return problems;
}

/** Whether an address can be reached from this machine only. */
function isThisMachine(address: string): boolean {
  return address === 'localhost' || address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}

/** Whether the admin listener, if there is one, speaks TLS: tokens must not cross a network unencrypted. */
export function adminSpeaksTls({ adminHost, adminTls }: Pick<Config, 'adminHost' | 'adminTls'>): boolean {
  return adminTls === 'auto' && !isThisMachine(adminHost);
}

function adminProblems(config: Config, originOf: OriginOf): string[] {
  const { adminPort, adminHost } = config;
  if (adminPort === NO_ADMIN_PORT) return [];
  const problems: string[] = [];
  for (const other of ['rtmpPort', 'httpPort', 'rtmpsPort', 'httpsPort'] as const) {
    if (adminPort === undefined || adminPort === 0 || config[other] !== adminPort) continue;
    problems.push(`${originOf('adminPort')}: got ${adminPort}, which is taken (${originOf(other)})`);
  }
  if (adminSpeaksTls(config) && (config.tlsCert === undefined || config.tlsKey === undefined)) {
    problems.push(
      `${originOf('adminHost')}: got ${adminHost}, which other machines can reach, so that tlsCert and tlsKey are needed; or set adminTls to off if nobody between can read along`,
    );
  }
  return problems;
}

/** Segments that have left memory are read from the media directory, so it must exist. */
function unkeptMediaProblems({ mediaDir, dvrWindow, playlistType }: Config, originOf: OriginOf): string[] {
  if (mediaDir !== NO_MEDIA_DIRECTORY) return [];
  const needed = `needs a media directory, but ${originOf('mediaDir')} is ${NO_MEDIA_DIRECTORY}`;
  return [
    ...(dvrWindow === 'off' ? [] : [`${originOf('dvrWindow')}: got "${dvrWindow}", which ${needed}`]),
    ...(playlistType === 'live' ? [] : [`${originOf('playlistType')}: got "${playlistType}", which ${needed}`]),
  ];
}

/** The pattern of the option allows numbers that no clock shows. */
function scheduleProblems({ recordSplit }: Config, originOf: OriginOf): string[] {
  if (!recordSplit.includes(' ')) return [];
  const problem = `${originOf('recordSplit')}: got "${recordSplit}", expected the five fields of a crontab: minute, hour, day, month, day of the week`;
  try {
    return new Cron(recordSplit, { mode: '5-part' }).nextRun() === null ? [`${problem}, of a time that comes`] : [];
  } catch {
    return [problem];
  }
}

function bucketProblems({ s3Bucket, s3Endpoint, s3AccessKey, s3SecretKey }: Config, originOf: OriginOf): string[] {
  const problems: string[] = [];
  if (s3Endpoint !== undefined && !isOrigin(s3Endpoint)) {
    problems.push(`${originOf('s3Endpoint')}: expected https or http, a host and perhaps a port, and nothing else`);
  }
  if (s3Bucket === undefined) return problems;
  if (s3AccessKey === undefined || s3SecretKey === undefined) {
    problems.push(`${originOf('s3Bucket')}: needs s3AccessKey and s3SecretKey, in the file or the environment`);
  }
  return problems;
}

/** Whether this is a URL without user, path and query, to which bucket and key can be appended. */
function isOrigin(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, origin } = new URL(url);
  return (protocol === 'https:' || protocol === 'http:') && (url === origin || url === `${origin}/`);
}

function webhookProblems(config: Config, originOf: OriginOf): string[] {
  return (['publishWebhook', 'playWebhook'] as const).flatMap((key) => {
    const url = config[key];
    if (url === undefined || isPrivateUrl(url)) return [];
    // Not repeated: its query may hold a secret.
    return [`${originOf(key)}: expected an https URL, or http on this machine, without user and password`];
  });
}

function jwtProblems(config: Config, originOf: OriginOf): string[] {
  const { jwtJwks, jwtSecret, jwtIssuer, jwtAudience, jwtAnyAudience } = config;
  if (jwtJwks === undefined && jwtSecret === undefined) return [];
  const problems: string[] = [];
  if (jwtJwks !== undefined && jwtSecret !== undefined) {
    problems.push(`${originOf('jwtSecret')}: expected either this or jwtJwks (${originOf('jwtJwks')}), not both`);
  }
  if (jwtJwks !== undefined && !isPrivateUrl(jwtJwks)) {
    problems.push(`${originOf('jwtJwks')}: got ${quoted(jwtJwks)}, expected an https URL, or http on this machine`);
  }
  if (jwtIssuer === undefined && jwtAudience === undefined && jwtAnyAudience === 'off') {
    const key = jwtJwks === undefined ? 'jwtSecret' : 'jwtJwks';
    problems.push(
      `${originOf(key)}: needs jwtIssuer or jwtAudience, or jwtAnyAudience if every token of that server may count`,
    );
  }
  return problems;
}

/** Whether the connection is protected from others: over TLS, or on this machine. */
function isPrivateUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, username, password } = new URL(url);
  // A password in an address would appear wherever the address does.
  if (username !== '' || password !== '') return false;
  if (protocol === 'https:') return true;
  return protocol === 'http:' && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}

function userProblems({ users, apps }: Config, originOf: OriginOf): string[] {
  const problems: string[] = [];
  const first = new Map<string, number>();
  users.forEach((user, i) => {
    const earlier = first.get(user.name);
    if (earlier === undefined) first.set(user.name, i);
    else problems.push(`${originOf('users', i)}: user ${user.name} is there twice, first as entry ${earlier + 1}`);
    for (const app of user.apps?.filter((name) => !apps.includes(name)) ?? []) {
      problems.push(
        `${originOf('users', i)}: user ${user.name} may publish to ${app}, which is not one of apps (${originOf('apps')})`,
      );
    }
  });
  return problems;
}

/** Values that are allowed but have no effect, and so are probably mistakes. @param set the options that were set by any source */
export function ineffectiveOptions(config: Config, set: ReadonlySet<ConfigKey>, originOf: OriginOf): string[] {
  const warnings: string[] = [];
  const isAdminSecure = config.adminPort !== NO_ADMIN_PORT && adminSpeaksTls(config);
  const speaksTls = config.rtmpsPort !== undefined || config.httpsPort !== undefined || isAdminSecure;
  for (const key of ['tlsCert', 'tlsKey'] as const) {
    if (config[key] === undefined || speaksTls) continue;
    warnings.push(`${originOf(key)} does nothing: set httpsPort or rtmpsPort too, or nothing speaks TLS`);
  }
  if (config.slate !== undefined && config.resumeWindow === 0) {
    warnings.push(
      `${originOf('slate')} does nothing: no stream waits for its publisher (${originOf('resumeWindow')} is 0)`,
    );
  }
  for (const key of ['s3Endpoint', 's3Prefix', 's3Ca'] as const) {
    if (config[key] === undefined || config.s3Bucket !== undefined) continue;
    warnings.push(`${originOf(key)} does nothing: s3Bucket is not set`);
  }
  if (set.has('userChallenge') && config.users.length === 0) {
    warnings.push(`${originOf('userChallenge')} does nothing: there are no users`);
  }
  return warnings;
}

function isInside(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && resolve(directory, way) === path);
}
