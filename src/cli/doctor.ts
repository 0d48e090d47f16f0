// Answers the question "why does it not work here?" by trying everything outside this program that the gateway needs.

import { createServer } from 'node:net';
import { availableParallelism, totalmem } from 'node:os';
import { pino } from 'pino';
import { inspectPublishKey, publishKeyPath } from '../access/publish-key.js';
import { inspectPlaySecret, playSecretPath } from '../access/tickets/play-secrets.js';
import { readRevocations, revocationPath } from '../access/tickets/revocation-file.js';
import { DEFAULT_ADMIN_PORT, NO_ADMIN_PORT } from '../config/options/admin.js';
import { NO_MEDIA_DIRECTORY } from '../config/options/places.js';
import { OPEN_PUBLISHING } from '../config/options/publishing.js';
import type { Config } from '../config/schema.js';
import { checkMediaDirectory, ensureFile, inspectDirectory, loadCertificate, programVersion } from '../gateway.js';
import { SluiceError } from '../protocols/errors.js';
import { listenReason, systemReason } from '../protocols/system-error.js';
import type { FfmpegAttempt } from '../transcode/ffmpeg-installation.js';
import { findFfmpeg } from '../transcode/find-ffmpeg.js';

import { type CommandIo, type ConfigDetails, EXIT_FAILURE, EXIT_OK } from './io.js';

/** One line of the report. A `note` is worth knowing, a `problem` prevents the gateway from working. */
interface Finding {
  readonly level: 'ok' | 'note' | 'problem';
  readonly text: string;
}

const OLDEST_NODE = 20;
const ENCODERS = ['libx264', 'aac'];
/** About ten minutes of the default ladder. */
const LITTLE_DISK_BYTES = 1024 ** 3;

/** Prints the report. @returns 0 if the gateway can work here, otherwise 1 */
export async function doctor(config: Config, io: CommandIo, { warnings = [] }: ConfigDetails = {}): Promise<number> {
  const findings = [
    checkNode(),
    { level: 'ok', text: machine() } as const,
    ...warnings.map((text) => ({ level: 'note', text: `configuration: ${text}` }) as const),
    ...(await checkFfmpeg(config, io)),
    checkPlayer(),
    await checkPort('RTMP', config.host, config.rtmpPort),
    ...(config.rtmpsPort === undefined ? [] : [await checkPort('RTMPS', config.host, config.rtmpsPort)]),
    await checkPort('HTTP', config.host, config.httpPort),
    ...(config.httpsPort === undefined ? [] : [await checkPort('HTTPS', config.host, config.httpsPort)]),
    ...(await checkAdminPort(config)),
    ...(await checkFiles(config)),
    ...(config.mediaDir === NO_MEDIA_DIRECTORY ? [] : [await checkDirectory('media', config.mediaDir)]),
    ...(await checkKeyAndState(config)),
    ...(config.playAccess === 'open' ? [] : await checkViewers(config)),
  ];
  const problems = findings.filter(({ level }) => level === 'problem').length;
  const lines = findings.map(({ level, text }) => `${MARKS[level]} ${text}`);
  const verdict = problems === 0 ? 'Everything needed is here.' : `${problems} of these must be fixed first.`;
  io.stdout.write(`Sluice ${programVersion()}\n${lines.join('\n')}\n${verdict}\n`);
  return problems === 0 ? EXIT_OK : EXIT_FAILURE;
}

const MARKS: Readonly<Record<Finding['level'], string>> = {
  ok: '  ok      ',
  note: '  note    ',
  problem: '  PROBLEM ',
};

function checkNode(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  const text = `Node ${process.versions.node} (${process.platform} ${process.arch})`;
  return major >= OLDEST_NODE
    ? { level: 'ok', text }
    : { level: 'problem', text: `${text}, expected ${OLDEST_NODE} or later` };
}

function machine(): string {
  return `${availableParallelism()} processors, ${gigabytes(totalmem())} of memory`;
}

async function checkFfmpeg(config: Config, io: CommandIo): Promise<Finding[]> {
  const attempts: FfmpegAttempt[] = [];
  try {
    const found = await findFfmpeg({
      ...(config.ffmpegPath !== undefined && { explicitPath: config.ffmpegPath }),
      searchPath: io.env.PATH ?? '',
      onAttempt: (attempt) => attempts.push(attempt),
    });
    const missing = ENCODERS.filter((encoder) => !found.encoders.has(encoder));
    const using: Finding = {
      level: missing.length === 0 ? 'ok' : 'problem',
      text: `FFmpeg ${found.versionText} from ${found.origin}: ${found.path}; ${missing.length === 0 ? `has ${ENCODERS.join(' and ')}` : `lacks ${missing.join(' and ')}`}`,
    };
    const enhanced: Finding[] = found.enhancedRtmp
      ? []
      : [{ level: 'note', text: 'this FFmpeg is older than 6.1: HEVC, AV1 and VP9 over RTMP are off' }];
    return [using, ...enhanced, ...attempts.map(describeAttempt)];
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    const without: Finding[] =
      config.thumbnails === 'on' ? [{ level: 'note', text: 'without FFmpeg there are no thumbnails' }] : [];
    return [{ level: 'problem', text: error.message }, ...without, ...attempts.map(describeAttempt)];
  }
}

function describeAttempt(attempt: FfmpegAttempt): Finding {
  const where = `FFmpeg candidate ${attempt.origin}${attempt.path === undefined ? '' : ` ${attempt.path}`}`;
  const what = attempt.outcome === 'usable' ? `works (${attempt.installation.versionText})` : attempt.reason;
  return { level: 'note', text: `${where}: ${what}` };
}

/** The watch page plays with hls.js from node_modules. */
function checkPlayer(): Finding {
  try {
    import.meta.resolve('hls.js');
    return { level: 'ok', text: 'hls.js is installed (watch and embed pages)' };
  } catch {
    return { level: 'problem', text: 'hls.js is missing: run npm install' };
  }
}

async function checkPort(name: string, host: string, port: number): Promise<Finding> {
  if (port === 0) return { level: 'ok', text: `${name} port: a free one is picked at start` };
  const failure = await new Promise<Error | undefined>((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen({ host, port }, () => server.close(() => resolve(undefined)));
  });
  if (failure === undefined) return { level: 'ok', text: `${name} port ${port} on ${host} is free` };
  return {
    level: 'problem',
    text: `${name} port ${port} on ${host} cannot be opened (${listenReason(failure, port)})`,
  };
}

/** The gateway does not start without a configured admin port, but does without the default one. */
async function checkAdminPort({ adminHost, adminPort }: Config): Promise<Finding[]> {
  if (adminPort === NO_ADMIN_PORT) return [];
  const found = await checkPort('admin', adminHost, adminPort ?? DEFAULT_ADMIN_PORT);
  if (adminPort !== undefined || found.level === 'ok') return [found];
  return [{ level: 'note', text: `${found.text}: the gateway would run without its admin listener` }];
}

/** Checks the files that the configuration names. */
async function checkFiles(config: Config): Promise<Finding[]> {
  const { tlsCert, slate } = config;
  const findings: Finding[] = [];
  if (tlsCert !== undefined) {
    const check = async (): Promise<void> => (await loadCertificate(config, pino({ level: 'silent' })))?.close();
    findings.push(await checkFile(`certificate ${tlsCert} can be used`, check));
  }
  if (slate !== undefined) findings.push(await checkFile(`slate ${slate} can be read`, () => ensureFile(slate)));
  return findings;
}

async function checkFile(text: string, check: () => Promise<void>): Promise<Finding> {
  try {
    await check();
    return { level: 'ok', text };
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    return { level: 'problem', text: error.message };
  }
}

async function checkDirectory(name: string, directory: string): Promise<Finding> {
  const found = await inspectDirectory(directory);
  if (found.state === 'unwritable') {
    return { level: 'problem', text: `${name} directory ${directory} cannot be written (${found.reason})` };
  }
  if (name === 'media' && found.state === 'writable') {
    const stranger = await checkMediaDirectory(directory).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (stranger instanceof SluiceError) return { level: 'problem', text: stranger.message };
    if (stranger !== undefined)
      return { level: 'problem', text: `media directory ${directory} cannot be read (${systemReason(stranger)})` };
  }
  const how = found.state === 'writable' ? 'is writable' : 'will be made';
  const text = `${name} directory ${directory} ${how}, ${gigabytes(found.freeBytes)} free`;
  return { level: found.freeBytes < LITTLE_DISK_BYTES ? 'note' : 'ok', text };
}

/** The publish key and, if a generated key is kept, its directory. */
async function checkKeyAndState(config: Config): Promise<Finding[]> {
  if (config.publishKey === OPEN_PUBLISHING) {
    const text =
      config.users.length > 0
        ? 'publishing: the users of the configuration alone (publishKey: none)'
        : 'publishing is open to everyone who can reach the RTMP port (publishKey: none)';
    return [{ level: 'note', text }];
  }
  if (config.publishKey !== undefined) return [{ level: 'ok', text: 'publish key: configured' }];
  const path = publishKeyPath(config.stateDir);
  let key: Finding;
  try {
    const kept = await inspectPublishKey(config.stateDir);
    key = { level: 'ok', text: `publish key: ${kept ? 'kept in' : 'will be generated in'} ${path}` };
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    key = { level: 'problem', text: error.message };
  }
  return [await checkDirectory('state', config.stateDir), key];
}

/** Checks what `playAccess: token` needs. */
async function checkViewers({ playSecrets, stateDir }: Config): Promise<Finding[]> {
  const path = revocationPath(stateDir);
  const checks = [
    async () => {
      if (playSecrets.length > 0) return 'play secret: configured';
      const kept = await inspectPlaySecret(stateDir);
      return `play secret: ${kept ? 'kept in' : 'will be generated in'} ${playSecretPath(stateDir)}`;
    },
    async () => {
      const found = await readRevocations(path);
      return found === undefined ? 'revoked links: none' : `revoked links: ${path} can be read`;
    },
  ];
  const findings: Finding[] = [{ level: 'note', text: 'viewers need a link from sluice sign (playAccess: token)' }];
  for (const check of checks) {
    try {
      findings.push({ level: 'ok', text: await check() });
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      findings.push({ level: 'problem', text: error.message });
    }
  }
  return findings;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
