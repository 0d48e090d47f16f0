// The composition root: builds the rooms, gives each what it asked for, starts them in order and stops them in the reverse.
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { openPlayAccess } from './access/play-access.js';
import { createPublishAccess } from './access/publish-access.js';
import { type PublishKey, resolvePublishKey } from './access/publish-key.js';
import { processEnvironment } from './config/environment.js';
import type { Config } from './config/schema.js';
import { DashOrigin } from './dash/manifest-origin.js';
import { DiskStore } from './hls/disk-store.js';
import { Origin } from './hls/origin.js';
import { noStream, type RefusedAnswer } from './hls/origin-answer.js';
import type { PresentationOptions } from './hls/presentation.js';
import { recoverSequences, SequenceNumbers } from './hls/sequence-recovery.js';
import { StreamRegistry } from './live/registry.js';
import type { StreamStatistics } from './live/statistics.js';
import { Capacity } from './pipeline/capacity.js';
import { ensureDirectory, ensureFile, ensureWritable } from './pipeline/directories.js';
import { PipelineDirectory } from './pipeline/pipeline-directory.js';
import { StreamPipeline } from './pipeline/stream-pipeline.js';
import { Thumbnails } from './pipeline/thumbnails.js';
import type { Clock } from './protocols/clock.js';
import { SluiceError } from './protocols/errors.js';
import { DEFAULT_RTMP_LIMITS } from './protocols/rtmp/limits.js';
import { buildHttpApp } from './servers/http/app.js';
import { MAX_CONNECTIONS } from './servers/http/connections.js';
import type { GatewayFigures, HttpDependencies, StreamFigures } from './servers/http/dependencies.js';
import { SecureServer } from './servers/http/secure-server.js';
import { RtmpServer } from './servers/rtmp/listener.js';
import { connectionsBeside, openFileLimit } from './servers/rtmp/open-file-limit.js';
import type { RtmpServerOptions } from './servers/rtmp/options.js';
import type { PlayListener, PlayRequest, PlaySource } from './servers/rtmp/playing.js';
import type { PublishRequest, PublishTarget } from './servers/rtmp/publishing.js';
import { systemClock } from './system-clock.js';
import { TlsCertificate } from './tls/certificate.js';
import { childEnvironment } from './transcode/child-environment.js';
import type { FfmpegInstallation } from './transcode/ffmpeg-installation.js';
import { findFfmpeg } from './transcode/find-ffmpeg.js';
import { ProcessLedger } from './transcode/process-ledger.js';
import { ThumbnailMaker } from './transcode/thumbnail-maker.js';

export interface StartOptions {
  /** False: no HTTP port of its own; the program mounts `sluiceHttp` in a Fastify application of its own instead. Default true. */
  readonly http?: boolean;
}

/** For `sluice doctor`. */
export { inspectDirectory } from './pipeline/directories.js';

export interface GatewayDependencies {
  /** A pino logger; every record of the gateway goes through it. */
  readonly logger: Logger;
  /** What times and dates the streams. Default: the machine's. */
  readonly clock?: Clock;
}

export interface GatewayUrls {
  /** `rtmp://HOST:PORT/live`, with the real port. */
  readonly rtmp: string;
  /** `rtmps://HOST:PORT/live`, with the real port, when `rtmpsPort` is set. */
  readonly rtmps?: string;
  /** `http://HOST:PORT`, with the real port. */
  readonly http: string;
  /** `https://HOST:PORT` when `httpsPort` is set. */
  readonly https?: string;
}

/** The state directory holds a secret. */
const STATE_MODE = 0o700;

/** Below the state directory: process ids of FFmpegs that run. */
const LEDGER = 'ffmpeg';

/** How long streams get to flush before what is left is closed anyway: `close()` ends within 5 s in all. */
const FLUSH_GRACE = 3_500;

/**
 * A gateway, not yet listening.
 * @throws {SluiceError} when the ladder has something to encode and no usable FFmpeg is found, or the certificate, the slate, the media or the state directory cannot be used
 */
export async function createGateway(
  config: Config,
  { logger, clock = systemClock }: GatewayDependencies,
): Promise<Gateway> {
  const ffmpeg = await findUsableFfmpeg(config, logger);
  if (config.slate !== undefined) await ensureFile(config.slate);
  const ledger = new ProcessLedger({ directory: join(config.stateDir, LEDGER), logger });
  await ledger.sweep();
  const { key } = await findPublishKey(config);
  const certificate = await loadCertificate(config, logger);
  await ensureWritable(config.mediaDir);
  const store = new DiskStore(config.mediaDir);
  const sequences = new SequenceNumbers({ clock, recovered: await recoverSequences(store) });
  return new Gateway({
    config,
    logger,
    clock,
    ledger,
    ffmpeg,
    key,
    store,
    sequences,
    ...(certificate && { certificate }),
  });
}

/** Nothing is encoded for a ladder of the source alone, but what browsers cannot play: without FFmpeg that goes out as it is. */
async function findUsableFfmpeg(config: Config, logger: Logger): Promise<FfmpegInstallation | undefined> {
  const { ffmpegPath, ladder } = config;
  try {
    return await findFfmpeg({
      ...(ffmpegPath !== undefined && { explicitPath: ffmpegPath }),
      searchPath: processEnvironment().PATH ?? '',
    });
  } catch (error) {
    const encodes = ladder.some((name) => name !== 'source' && name !== 'audio');
    if (encodes || !(error instanceof SluiceError) || error.code !== 'transcode.ffmpeg-missing') throw error;
    logger.warn({ code: error.code }, `nothing can be encoded, streams are served as they come: ${error.message}`);
    return undefined;
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

/** The certificate of every server that speaks TLS; it follows its files. */
async function loadCertificate(config: Config, logger: Logger): Promise<TlsCertificate | undefined> {
  const { tlsCert, tlsKey } = config;
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  return TlsCertificate.load({ cert: tlsCert, key: tlsKey, logger: logger.child({ room: 'tls' }) });
}

interface GatewayParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly ledger: ProcessLedger;
  readonly ffmpeg: FfmpegInstallation | undefined;
  readonly key: string | null;
  readonly store: DiskStore;
  readonly sequences: SequenceNumbers;
  readonly certificate?: TlsCertificate;
}

export class Gateway {
  /** The FFmpeg in use, proven by running it; undefined when there is none and the ladder needs none. */
  readonly ffmpeg: FfmpegInstallation | undefined;
  readonly #parts: GatewayParts;
  readonly #registry: StreamRegistry;
  readonly #origin: Origin;
  readonly #dash = new DashOrigin<RefusedAnswer>({
    playable: async (app, name, signal) => {
      const answer = await this.#origin.multivariant(app, name, signal);
      if (answer.status !== 200) return answer;
      // Playable when it was asked; it may be gone in the turn that this answer took.
      return this.#origin.presentation(app, name) ?? noStream(app, name);
    },
    presentation: (app, name) => this.#origin.presentation(app, name),
  });
  readonly #directory: PipelineDirectory;
  readonly #capacity: Capacity;
  readonly #rtmp: RtmpServer;
  /** Undefined: they are off, or there is no FFmpeg. */
  readonly #pictures: ThumbnailMaker | undefined;
  readonly #thumbnails: Thumbnails | undefined;
  /** The HTTP server of its own, when it has one. */
  #http: FastifyInstance | undefined;
  #https: SecureServer | undefined;
  #rtmpUrl: string | undefined;
  #closed: Promise<void> | undefined;

  /** @internal `createGateway` is the way in. */
  constructor(parts: GatewayParts) {
    const { config, logger, clock, key, ffmpeg } = parts;
    this.#parts = parts;
    this.ffmpeg = ffmpeg;
    this.#origin = new Origin({ clock });
    this.#directory = new PipelineDirectory(this.#origin);
    this.#registry = new StreamRegistry({
      maxStreams: config.maxStreams,
      conflict: config.publishConflict,
      takeoverAfter: config.takeoverAfter * 1000,
      now: () => clock.wallClock(),
      monotonic: () => clock.now(),
    });
    this.#capacity = new Capacity({ clock, maxTranscodes: config.maxTranscodes });
    this.#pictures = thumbnailMaker(parts);
    this.#thumbnails = this.#pictures && this.#newThumbnails(this.#pictures);
    this.#rtmp = new RtmpServer(rtmpOptions(config), {
      access: createPublishAccess({
        key,
        apps: config.apps,
        users: config.users,
        challenge: config.userChallenge === 'on',
        freeFailures: config.freeFailures,
        maxDelay: config.maxFailureDelay * 1000,
      }),
      admission: { claim: (request) => this.#claim(request) },
      ...(config.rtmpPlay === 'on' && {
        play: {
          access: openPlayAccess(),
          admission: { open: (request: PlayRequest, listener: PlayListener) => this.#play(request, listener) },
        },
      }),
      ...(config.rtmpsPort !== undefined && parts.certificate && { certificate: parts.certificate }),
      logger: logger.child({ room: 'rtmp' }),
    });
  }

  #newThumbnails(maker: ThumbnailMaker): Thumbnails {
    const { config, logger, clock } = this.#parts;
    return new Thumbnails({
      maker,
      find: (app, name) => this.#directory.find(app, name),
      segmentDuration: config.segmentDuration,
      clock,
      logger: logger.child({ room: 'pipeline' }),
    });
  }

  /** What the HTTP plugin needs, to mount playback, pages and API in a Fastify application of your own. */
  httpDependencies(): HttpDependencies {
    const { config } = this.#parts;
    return {
      origin: this.#origin,
      dash: this.#dash,
      streams: this.#directory,
      health: { ready: () => this.#ready() },
      thumbnails: this.#thumbnails,
      targetDuration: Math.ceil(config.segmentDuration),
      rtmpPort: () => (this.#rtmpUrl === undefined ? undefined : Number(new URL(this.#rtmpUrl).port)),
      publishApp: config.apps[0],
      embedFrameAncestors: config.frameAncestors.join(' '),
      maxWaiters: config.maxWaiters,
      maxWaitersPerIp: config.maxWaitersPerIp,
      trustedProxies: config.trustedProxies,
      metricsPolicy: config.metrics,
      metrics: { figures: () => this.#figures() },
    };
  }

  /**
   * Listens on both ports, or with `{ http: false }` for publishers alone.
   * @throws {SluiceError} when one cannot be had; call `close()` then
   */
  start(options: { readonly http: false }): Promise<Omit<GatewayUrls, 'http'>>;
  start(options?: { readonly http?: true }): Promise<GatewayUrls>;
  start(options: StartOptions): Promise<Omit<GatewayUrls, 'http'> & Partial<GatewayUrls>>;
  async start({ http = true }: StartOptions = {}): Promise<Omit<GatewayUrls, 'http'> & Partial<GatewayUrls>> {
    const { config, logger } = this.#parts;
    const { host, port, tls } = await this.#rtmp.start();
    const rtmp = `rtmp://${urlHost(host)}:${port}/${config.apps[0]}`;
    const publishing = { rtmp, ...(tls && { rtmps: `rtmps://${urlHost(tls.host)}:${tls.port}/${config.apps[0]}` }) };
    const urls = http ? { ...publishing, ...(await this.#startHttp()) } : publishing;
    this.#rtmpUrl = rtmp;
    logger.debug({ ffmpeg: this.ffmpeg?.versionText, origin: this.ffmpeg?.origin }, 'ffmpeg');
    return urls;
  }

  async #startHttp(): Promise<Pick<GatewayUrls, 'http' | 'https'>> {
    const { config, logger, certificate } = this.#parts;
    // At info Fastify has one thing to say, a line per address it listens on: "ready" says it once.
    const level = logger.level === 'info' ? 'warn' : logger.level;
    // Whoever floods one port must leave descriptors for the other, for segments and for FFmpeg.
    const left = connectionsBeside(config.maxConnections, openFileLimit());
    const ports = config.httpsPort === undefined ? 1 : 2;
    const maxConnections = left && Math.min(MAX_CONNECTIONS, Math.ceil(left / ports));
    const { app, handle } = buildHttpApp({
      ...this.httpDependencies(),
      maxConnections,
      logger: logger.child({ room: 'http' }, { level }),
    });
    this.#http = app;
    await app.listen({ host: config.host, port: config.httpPort });
    const { address, port } = app.server.address() as AddressInfo;
    const http = `http://${urlHost(address)}:${port}`;
    if (config.httpsPort === undefined || certificate === undefined) return { http };
    this.#https = new SecureServer({
      host: config.host,
      port: config.httpsPort,
      certificate,
      handle,
      ...(maxConnections !== undefined && { maxConnections }),
    });
    const secure = await this.#https.listen();
    return { http, https: `https://${urlHost(secure.address)}:${secure.port}` };
  }

  /** Tells publishers, flushes FFmpeg, writes ENDLIST, answers who waits, closes its ports. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#rtmp.close();
    this.#pictures?.close();
    const flushed = Promise.all(this.#directory.pipelines.map((pipeline) => pipeline.end()));
    await Promise.race([flushed, new Promise<void>((resolve) => setTimeout(resolve, FLUSH_GRACE).unref())]);
    await Promise.all([this.#http?.close(), this.#https?.close()]);
    this.#parts.certificate?.close();
  }

  #ready(): { ready: boolean; reasons: string[] } {
    const reasons: string[] = [];
    if (this.#rtmpUrl === undefined) reasons.push('the servers are not listening yet');
    if (this.#closed !== undefined) reasons.push('the gateway is shutting down');
    return { ready: reasons.length === 0, reasons };
  }

  #figures(): GatewayFigures {
    const { counters } = this.#rtmp;
    const { refusedTotalLimit, refusedAddressLimit } = counters;
    const streams = this.#directory.pipelines.map(({ app, name, stream, presentation, transcode, withdrawn }) => ({
      app,
      name,
      ...(stream && streamFigures(stream.statistics)),
      ...presentation?.counters,
      ffmpegRestarts: transcode?.restarts,
      ffmpegSpeed: transcode?.load?.speed,
      withdrawn: countBy(withdrawn.map(({ reason }) => reason)),
    }));
    // While one of a name is flushed there may be another: the newest counts.
    const newest = new Map(streams.map((stream) => [`${stream.app}/${stream.name}`, stream]));
    return {
      rtmp: { ...counters, connectionsRefused: refusedTotalLimit + refusedAddressLimit },
      streams: [...newest.values()],
      capacity: { transcodes: this.#capacity.transcodes, ...this.#capacity.counters },
    };
  }

  /** An RTMP player reads the stream like everybody else, from the last key frame on. */
  #play({ app, name }: PlayRequest, { maxBytes, onReadable, onEnd }: PlayListener): PlaySource | undefined {
    const stream = this.#registry.get(app, name);
    if (stream === undefined) return undefined;
    const subscription = stream.subscribe({ maxBytes, onReadable });
    const stopListening = stream.on({ onEnd });
    return {
      take: () => subscription.take(),
      get ended() {
        return subscription.ended;
      },
      get droppedTags() {
        return subscription.droppedTags;
      },
      close() {
        stopListening();
        subscription.close();
      },
    };
  }

  /** A name that waits for its publisher goes on with this one; every other begins. */
  #claim({ app, name }: PublishRequest): PublishTarget {
    const earlier = this.#directory.find(app, name);
    const resumed = earlier?.resumable ? earlier : undefined;
    if (resumed === undefined) this.#makeRoom();
    const timelineOrigin = resumed?.resumeTime;
    const stream = this.#registry.claim(app, name, { ...(timelineOrigin !== undefined && { timelineOrigin }) });
    // A claim may have ended the publisher before it, and that its stream.
    const pipeline = resumed?.resumable ? resumed : this.#newPipeline(app, name, earlier);
    pipeline.attach(stream);
    return {
      publish: (kind, timestamp, body) => stream.publish(kind, timestamp, body),
      // The pipeline listens and goes on or ends with it.
      end: (reason) => stream.end(reason),
      onKick: (listener) => stream.onKick(listener),
    };
  }

  #newPipeline(app: string, name: string, earlier: StreamPipeline | undefined): StreamPipeline {
    const { config, logger, clock, ledger, ffmpeg, store, sequences } = this.#parts;
    const pipeline = new StreamPipeline({
      app,
      name,
      predecessor: earlier?.end(),
      origin: this.#origin,
      ffmpeg,
      environment: childEnvironment(processEnvironment()),
      ledger,
      ladder: config.ladder,
      partDuration: config.partDuration,
      segmentDuration: config.segmentDuration,
      resumeWindow: config.resumeWindow,
      slate: config.slate,
      maxGop: config.maxGop,
      capacity: this.#capacity,
      presentation: () => ({
        windowSegments: config.windowSegments,
        ...rewind(config),
        ...sequences.next(app, name),
        store,
      }),
      logger: logger.child({ room: 'pipeline' }),
      clock,
      onFailed: (stream, error) => stream.kick(error),
      shedsOnOverload: config.onOverload === 'shed',
      onEnded: ({ nextMediaSequence, discontinuityNumber }) =>
        sequences.used(app, name, nextMediaSequence, discontinuityNumber),
    });
    this.#directory.add(pipeline);
    return pipeline;
  }

  /** Names that only wait hold memory as publishers do: they count, and the one that has waited longest gives way. */
  #makeRoom(): void {
    const { suspended } = this.#directory;
    const over = this.#registry.size + suspended.length + 1 - this.#parts.config.maxStreams;
    for (const pipeline of suspended.slice(0, Math.max(0, over))) void pipeline.end();
  }
}

function rewind({ dvrWindow, playlistType }: Config): Pick<PresentationOptions, 'dvrWindow' | 'event'> {
  const event = playlistType === 'event';
  if (dvrWindow === 'off') return { event };
  return { event, dvrWindow: dvrWindow === 'unlimited' ? Number.POSITIVE_INFINITY : Number(dvrWindow) };
}

function thumbnailMaker({ config, ffmpeg, clock }: GatewayParts): ThumbnailMaker | undefined {
  if (config.thumbnails === 'off' || ffmpeg === undefined) return undefined;
  return new ThumbnailMaker({ ffmpeg, clock, environment: childEnvironment(processEnvironment()) });
}

/** The configuration has seconds, the server milliseconds. */
function rtmpOptions(config: Config): Partial<RtmpServerOptions> {
  return {
    host: config.host,
    port: config.rtmpPort,
    ...(config.rtmpsPort !== undefined && { tlsPort: config.rtmpsPort }),
    maxConnections: config.maxConnections,
    maxConnectionsPerIp: config.maxConnectionsPerIp,
    idleTimeout: config.idleTimeout * 1000,
    pingInterval: config.pingInterval * 1000,
    handshakeTimeout: config.handshakeTimeout * 1000,
    publishTimeout: config.publishTimeout * 1000,
    firstMediaTimeout: config.firstMediaTimeout * 1000,
    maxMediaAhead: config.maxMediaAhead * 1000,
    maxUnsentBytes: config.maxUnsentBytes,
    maxViewerBytes: config.maxViewerBytes,
    messagesPerTurn: config.messagesPerTurn,
    limits: {
      ...DEFAULT_RTMP_LIMITS,
      maxChunkStreams: config.maxChunkStreams,
      maxMessageStreams: config.maxMessageStreams,
      maxVideoBytes: config.maxVideoMessageBytes,
      maxAudioBytes: config.maxAudioMessageBytes,
      maxCommandBytes: config.maxCommandMessageBytes,
      maxPendingBytes: config.maxPendingBytes,
      maxEarlyMediaBytes: config.maxEarlyMediaBytes,
    },
  };
}

/** As it is written in a URL: IPv6 in brackets, "any address" as one that can be opened on this machine. */
function urlHost(address: string): string {
  if (address === '0.0.0.0' || address === '::') return 'localhost';
  return address.includes(':') ? `[${address}]` : address;
}

function countBy(reasons: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts;
}

function streamFigures(statistics: StreamStatistics): Omit<StreamFigures, 'app' | 'name'> {
  const { videoBitrate, audioBitrate, videoFrameRate, discontinuities, ...same } = statistics;
  return {
    ...same,
    bitrate: videoBitrate + audioBitrate,
    frameRate: videoFrameRate,
    // What the playlists list is counted by the presentation.
    clockJumps: discontinuities,
  };
}
