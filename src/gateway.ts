// The composition root: builds the rooms, gives each what it asked for, starts them in order and stops them in the reverse.
import type { Logger } from 'pino';
import { openPlayAccess } from './access/play-access.js';
import { createPublishAccess } from './access/publish-access.js';
import { processEnvironment } from './config/environment.js';
import type { Config } from './config/schema.js';
import { urlHost } from './gateway/addresses.js';
import { dashOrigin } from './gateway/dash-origin.js';
import { gatewayFigures } from './gateway/figures.js';
import { type GatewayParts, openParts } from './gateway/parts.js';
import { rtmpOptions } from './gateway/rtmp-options.js';
import { rtmpPlayers } from './gateway/rtmp-players.js';
import { StreamAdmission } from './gateway/stream-admission.js';
import { WebServers, type WebUrls } from './gateway/web-servers.js';
import { Origin } from './hls/origin/origin.js';
import { StreamRegistry } from './live/registry.js';
import { Capacity } from './pipeline/capacity.js';
import { PipelineDirectory } from './pipeline/pipeline-directory.js';
import { Thumbnails } from './pipeline/thumbnails.js';
import type { Clock } from './protocols/clock.js';
import type { HttpDependencies } from './servers/http/dependencies.js';
import { RtmpServer } from './servers/rtmp/listener.js';
import { systemClock } from './system-clock.js';
import { childEnvironment } from './transcode/child-environment.js';
import type { FfmpegInstallation } from './transcode/ffmpeg-installation.js';
import { ThumbnailMaker } from './transcode/thumbnail-maker.js';

/** For the commands. */
export { findPublishKey, loadCertificate } from './gateway/parts.js';
export { ensureFile, inspectDirectory } from './pipeline/directories.js';

export interface StartOptions {
  /** False: no HTTP port of its own; the program mounts `sluiceHttp` in a Fastify application of its own instead. Default true. */
  readonly http?: boolean;
}

export interface GatewayDependencies {
  /** A pino logger; every record of the gateway goes through it. */
  readonly logger: Logger;
  /** What times and dates the streams. Default: the machine's. */
  readonly clock?: Clock;
}

export interface GatewayUrls extends WebUrls {
  /** `rtmp://HOST:PORT/live`, with the real port. */
  readonly rtmp: string;
  /** `rtmps://HOST:PORT/live`, with the real port, when `rtmpsPort` is set. */
  readonly rtmps?: string;
}

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
  return new Gateway(await openParts(config, logger, clock));
}

export class Gateway {
  /** The FFmpeg in use, proven by running it; undefined when there is none and the ladder needs none. */
  readonly ffmpeg: FfmpegInstallation | undefined;
  readonly #parts: GatewayParts;
  readonly #origin: Origin;
  readonly #dash: ReturnType<typeof dashOrigin>;
  readonly #directory: PipelineDirectory;
  readonly #capacity: Capacity;
  readonly #rtmp: RtmpServer;
  /** Undefined: they are off, or there is no FFmpeg. */
  readonly #pictures: ThumbnailMaker | undefined;
  readonly #thumbnails: Thumbnails | undefined;
  /** Undefined: they have not been started, or the program has a server of its own. */
  #web: WebServers | undefined;
  #rtmpUrl: string | undefined;
  #closed: Promise<void> | undefined;

  /** @internal `createGateway` is the way in. */
  constructor(parts: GatewayParts) {
    const { config, logger, clock, key, ffmpeg } = parts;
    this.#parts = parts;
    this.ffmpeg = ffmpeg;
    this.#origin = new Origin({ clock, onGone: () => this.#directory.forgetGone() });
    for (const left of parts.left) this.#origin.awaitPublisher(left, config.resumeWindow * 1000);
    this.#dash = dashOrigin(this.#origin);
    this.#directory = new PipelineDirectory(this.#origin);
    const registry = new StreamRegistry({
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
      admission: new StreamAdmission(parts, {
        registry,
        origin: this.#origin,
        directory: this.#directory,
        capacity: this.#capacity,
      }),
      ...(config.rtmpPlay === 'on' && { play: { access: openPlayAccess(), admission: rtmpPlayers(registry) } }),
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
      metrics: {
        figures: () => gatewayFigures({ rtmp: this.#rtmp, directory: this.#directory, capacity: this.#capacity }),
      },
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
    const guard = this.#rtmp.descriptors.guard('viewers');
    if (http) this.#web = new WebServers(this.#parts, this.httpDependencies(), guard);
    const urls = { ...publishing, ...(await this.#web?.listen()) };
    this.#rtmpUrl = rtmp;
    logger.debug({ ffmpeg: this.ffmpeg?.versionText, origin: this.ffmpeg?.origin }, 'ffmpeg');
    return urls;
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
    await this.#web?.close();
    this.#parts.certificate?.close();
  }

  #ready(): { ready: boolean; reasons: string[] } {
    const reasons: string[] = [];
    if (this.#rtmpUrl === undefined) reasons.push('the servers are not listening yet');
    if (this.#closed !== undefined) reasons.push('the gateway is shutting down');
    return { ready: reasons.length === 0, reasons };
  }
}

function thumbnailMaker({ config, ffmpeg, clock }: GatewayParts): ThumbnailMaker | undefined {
  if (config.thumbnails === 'off' || ffmpeg === undefined) return undefined;
  return new ThumbnailMaker({ ffmpeg, clock, environment: childEnvironment(processEnvironment()) });
}
