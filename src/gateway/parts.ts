// Opens everything that the gateway needs before it listens: FFmpeg, key, certificate, directories. If one is missing, the start fails with
// one error.
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
import { type AccessParts, openAccess } from './access-parts.js';
import { limitedLogger } from './limited-logger.js';
import { type OwnDirectories, STATE_MODE, takeDirectories } from './own-directories.js';
import type { PublisherParts } from './publisher-parts.js';
import { StreamRecording } from './recording.js';
import { StreamEvents } from './stream-events.js';
import { checkTargets } from './target-store.js';
import type { ViewerParts } from './viewer-policy.js';

export { storedTargets } from './target-store.js';

export interface GatewayParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Undefined if no FFmpeg was found and the ladder needs none. */
  readonly ffmpeg: FfmpegInstallation | undefined;
  /** How to run FFmpeg; undefined if none was found. */
  readonly childSettings: ChildSettings | undefined;
  /** Null if publishing is open. */
  readonly key: string | null;
  /** Undefined if no media is kept on disk. */
  readonly store: DiskStore | undefined;
  readonly sequences: SequenceNumbers;
  /** Streams of an earlier process whose publishers may come back. */
  readonly left: readonly LeftStream[];
  /** Undefined if everybody may watch. */
  readonly viewers: ViewerParts | undefined;
  readonly access: AccessParts;
  readonly publishers: PublisherParts;
  readonly certificate: TlsCertificate | undefined;
  readonly recording: StreamRecording;
  readonly events: StreamEvents;
  readonly directories: OwnDirectories;
}

/** Working directory of FFmpeg, below the state directory. FFmpeg should write no file; if a bug makes it do so, the file ends up here. */
const CHILD_DIRECTORY = 'ffmpeg-work';

/**
 * Opens what the gateway needs, and reads the sequence numbers of an earlier gateway from the media directory.
 * @param signal aborts the search for FFmpeg, because a candidate may hang
 * @throws {SluiceError} for the first thing that is missing
 */
export async function openParts(
  config: Config,
  logger: Logger,
  clock: Clock,
  signal?: AbortSignal,
): Promise<GatewayParts> {
  checkTargets(config);
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
  const { key } = await findPublishKey(config);
  const childSettings = ffmpeg && (await limitChildren(config, ffmpeg, logger));
  const kept = await openMedia(directories, config, logger, clock);
  // Opened last, because they watch files until they are closed.
  const { access, publishers, viewers } = await openAccess(config, logger, clock);
  const certificate = await loadCertificate(config, logger).catch(async (error: unknown) => {
    await access.close();
    throw error;
  });
  return {
    config,
    logger,
    clock,
    ffmpeg,
    childSettings,
    key,
    ...kept,
    access,
    publishers,
    viewers,
    certificate,
    recording: await StreamRecording.open({ config, logger, clock }),
    events: new StreamEvents({
      clock,
      logger: limitedLogger(logger.child({ module: 'data' })),
      dataMessages: config.dataMessages,
    }),
    directories,
  };
}

/**
 * Opens the media directory and reads what an earlier process left there. Without a media directory there is no store, and the result
 * contains only numbers.
 */
async function openMedia(
  { mediaClaim }: OwnDirectories,
  config: Config,
  logger: Logger,
  clock: Clock,
): Promise<Pick<GatewayParts, 'store' | 'sequences' | 'left'>> {
  if (mediaClaim === undefined) {
    return { store: undefined, sequences: new SequenceNumbers({ clock, earlierUnknown: true }), left: [] };
  }
  const store = new DiskStore(config.mediaDir, mediaClaim);
  const { resumeWindow } = config;
  const recovery = await recoverStreams({ store, clock, resumeWindow, hasOurOwner: (path) => store.hasOurOwner(path) });
  logRecovery(recovery, config, logger);
  const onFailure = (error: SluiceError) => logger.warn({ code: error.code, err: error.cause }, error.message);
  return {
    store,
    sequences: new SequenceNumbers({ clock, recovered: recovery.sequences }),
    left: recovery.left.map(
      (files) => new LeftStream({ ...files, store, domain: leftDomain(files, logger), onFailure }),
    ),
  };
}

/** Failures in the recovery of one stream are logged and affect that stream only. */
function leftDomain({ directory }: LeftFiles, logger: Logger): FailureDomain {
  return new FailureDomain(directory, ({ where, cause }) =>
    logger.error({ directory, where, err: cause }, 'internal error: a stream of an earlier process is left as it is'),
  );
}

/** Number of directories named in a log line. */
const NAMED_DIRECTORIES = 5;

/** Logs which streams were removed, and which directories were left alone because they are not ours. */
function logRecovery({ removed, strange }: Recovery, { mediaDir }: Config, logger: Logger): void {
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
 * The configured publish key, or the one in the state directory, which is generated if missing.
 * @throws {SluiceError} if it cannot be stored or read
 */
export async function findPublishKey({ publishKey, stateDir }: Config): Promise<PublishKey> {
  if (publishKey === undefined) await ensureDirectory(stateDir, STATE_MODE);
  return resolvePublishKey(publishKey, stateDir);
}

/** With the ladder `source`, only media that browsers cannot play is encoded. Without FFmpeg, it is served as it is. */
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

/** Limits for FFmpeg, as far as the system supports them. */
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
 * The certificate for all TLS servers. It follows its files until it is closed.
 * @throws {SluiceError} `tls.certificate`
 */
export async function loadCertificate(config: Config, logger: Logger): Promise<TlsCertificate | undefined> {
  const { tlsCert, tlsKey } = config;
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  return TlsCertificate.load({ cert: tlsCert, key: tlsKey, logger: logger.child({ module: 'tls' }) });
}
