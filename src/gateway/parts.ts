// What must be had before anything listens: FFmpeg, the key, the certificate, the directories. Each that is missing is one error at start.
import { join } from 'node:path';
import type { Logger } from 'pino';
import { type PublishKey, resolvePublishKey } from '../access/publish-key.js';
import { processEnvironment } from '../config/environment.js';
import type { Config } from '../config/schema.js';
import { DiskStore } from '../hls/store/disk-store.js';
import { type LeftFiles, LeftStream } from '../hls/store/left-stream.js';
import { SequenceNumbers } from '../hls/store/sequence-numbers.js';
import { type Recovery, recoverStreams } from '../hls/store/stream-recovery.js';
import { ensureDirectory, ensureFile } from '../pipeline/directories.js';
import type { Clock } from '../protocols/clock.js';
import { SluiceError } from '../protocols/errors.js';
import { FailureDomain } from '../protocols/failure-domain.js';
import { TlsCertificate } from '../tls/certificate.js';
import { childEnvironment } from '../transcode/child-environment.js';
import { type ChildSettings, findChildSettings } from '../transcode/child-settings.js';
import type { FfmpegInstallation } from '../transcode/ffmpeg-installation.js';
import { findFfmpeg } from '../transcode/find-ffmpeg.js';
import { ProcessLedger } from '../transcode/process-ledger.js';
import { type OwnDirectories, STATE_MODE, takeDirectories } from './own-directories.js';

export interface GatewayParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly ledger: ProcessLedger;
  /** Undefined: there is none, and the ladder needs none. */
  readonly ffmpeg: FfmpegInstallation | undefined;
  /** How FFmpeg is run; undefined when there is none. */
  readonly childSettings: ChildSettings | undefined;
  /** Null: publishing is open. */
  readonly key: string | null;
  readonly store: DiskStore;
  readonly sequences: SequenceNumbers;
  /** Streams whose publishers may come back to this process. */
  readonly left: readonly LeftStream[];
  readonly certificate: TlsCertificate | undefined;
  readonly directories: OwnDirectories;
}

/** Below the state directory: process ids of FFmpegs that run. */
const LEDGER = 'ffmpeg';

/** Below the state directory: where FFmpeg runs. It writes nothing there; what a bug makes it write stays in it. */
const CHILD_DIRECTORY = 'ffmpeg-work';

/**
 * FFmpegs that an earlier gateway left behind are ended, and its sequence numbers are read from the media directory.
 * @param signal ends the search for FFmpeg, which may be a program that hangs
 * @throws {SluiceError} for the first of them that cannot be had
 */
export async function openParts(
  config: Config,
  logger: Logger,
  clock: Clock,
  signal?: AbortSignal,
): Promise<GatewayParts> {
  const directories = await takeDirectories(config, logger);
  try {
    return await openWith(directories, config, logger, clock, signal);
  } catch (error) {
    await directories.release();
    throw error;
  }
}

async function openWith(
  directories: OwnDirectories,
  config: Config,
  logger: Logger,
  clock: Clock,
  signal?: AbortSignal,
): Promise<GatewayParts> {
  const ffmpeg = await findUsableFfmpeg(config, logger, signal);
  if (config.slate !== undefined) await ensureFile(config.slate);
  const ledger = new ProcessLedger({ directory: join(config.stateDir, LEDGER), logger });
  await ledger.sweep();
  const { key } = await findPublishKey(config);
  const childSettings = ffmpeg && (await limitChildren(config, ffmpeg, logger));
  const store = new DiskStore(config.mediaDir, directories.mediaClaim);
  const { resumeWindow } = config;
  const recovery = await recoverStreams({ store, clock, resumeWindow, isOwn: (path) => store.isOwn(path) });
  tellRecovery(recovery, config, logger);
  const sequences = new SequenceNumbers({ clock, recovered: recovery.sequences });
  const onFailure = (error: SluiceError) => logger.warn({ code: error.code, err: error.cause }, error.message);
  const left = recovery.left.map(
    (files) => new LeftStream({ ...files, store, domain: leftDomain(files, logger), onFailure }),
  );
  // Last: it watches its files until it is closed, and nothing after it can fail.
  const certificate = await loadCertificate(config, logger);
  return {
    config,
    logger,
    clock,
    ledger,
    ffmpeg,
    childSettings,
    key,
    store,
    sequences,
    left,
    certificate,
    directories,
  };
}

/** Whatever fails in what is done for one left stream is told, and costs this one alone. */
function leftDomain({ directory }: LeftFiles, logger: Logger): FailureDomain {
  return new FailureDomain(directory, ({ where, cause }) =>
    logger.error({ directory, where, err: cause }, 'internal error: a stream of an earlier process is left as it is'),
  );
}

/** How many directories a log line names. */
const NAMED_DIRECTORIES = 5;

/** What was removed, and what was not because it is somebody's. */
function tellRecovery({ removed, strange }: Recovery, { mediaDir }: Config, logger: Logger): void {
  const first = (directories: readonly string[]) => directories.slice(0, NAMED_DIRECTORIES);
  if (removed.files > 0) {
    const fields = { mediaDir, files: removed.files, streams: removed.streams.length, first: first(removed.streams) };
    logger.info(fields, 'files of streams that an earlier gateway left in the media directory were removed');
  }
  if (strange.length > 0) {
    const fields = { mediaDir, directories: strange.length, first: first(strange) };
    logger.info(fields, "directories that look like streams but do not carry this program's mark were left alone");
  }
}

/**
 * The publish key of this configuration: its own, or the one kept in its state directory, generated when there is none.
 * @throws {SluiceError} when it cannot be kept or read
 */
export async function findPublishKey({ publishKey, stateDir }: Config): Promise<PublishKey> {
  if (publishKey === undefined) await ensureDirectory(stateDir, STATE_MODE);
  return resolvePublishKey(publishKey, stateDir);
}

/** Nothing is encoded for a ladder of the source alone, but what browsers cannot play: without FFmpeg that goes out as it is. */
async function findUsableFfmpeg(
  config: Config,
  logger: Logger,
  signal: AbortSignal | undefined,
): Promise<FfmpegInstallation | undefined> {
  const { ffmpegPath, ladder } = config;
  try {
    return await findFfmpeg({
      ...(ffmpegPath !== undefined && { explicitPath: ffmpegPath }),
      searchPath: processEnvironment().PATH ?? '',
      signal,
    });
  } catch (error) {
    const encodes = ladder.some((name) => name !== 'source' && name !== 'audio');
    if (encodes || !(error instanceof SluiceError) || error.code !== 'transcode.ffmpeg-missing') throw error;
    logger.warn({ code: error.code }, `nothing can be encoded, streams are served as they come: ${error.message}`);
    return undefined;
  }
}

/** What FFmpeg may take of this machine, as far as the system offers limits. */
async function limitChildren(
  { stateDir }: Config,
  { path }: FfmpegInstallation,
  logger: Logger,
): Promise<ChildSettings> {
  await ensureDirectory(stateDir, STATE_MODE);
  const environment = processEnvironment();
  const { settings, missing } = await findChildSettings({
    variables: childEnvironment(environment),
    directory: join(stateDir, CHILD_DIRECTORY),
    searchPath: environment.PATH ?? '',
    ffmpeg: path,
  });
  for (const sentence of missing) logger.info({}, sentence);
  return settings;
}

/**
 * The certificate of every server that speaks TLS; it follows its files until it is closed.
 * @throws {SluiceError} `tls.certificate`
 */
export async function loadCertificate(config: Config, logger: Logger): Promise<TlsCertificate | undefined> {
  const { tlsCert, tlsKey } = config;
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  return TlsCertificate.load({ cert: tlsCert, key: tlsKey, logger: logger.child({ room: 'tls' }) });
}
