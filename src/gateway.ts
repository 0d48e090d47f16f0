// The composition root: builds the rooms, gives each what it asked for, starts them in order and stops them in the reverse.
import type { Logger } from 'pino';
import { openPlayAccess } from './access/play-access.js';
import { loadConfig } from './config/load-config.js';
import type { ProgramOptions } from './config/program-options.js';
import type { Config } from './config/schema.js';
import { EventBus, type EventListener } from './events/event-bus.js';
import type { GatewayEvent } from './events/gateway-event.js';
import { urlHost } from './gateway/addresses.js';
import { dashOrigin } from './gateway/dash-origin.js';
import { gatewayError } from './gateway/errors.js';
import { gatewayFigures } from './gateway/figures.js';
import { createLogger } from './gateway/logger.js';
import { findPublishKey, type GatewayParts, openParts } from './gateway/parts.js';
import { type Authorize, programPlayAccess, programPublishAccess } from './gateway/program-access.js';
import { keyAndUsers, publishEvents } from './gateway/publishers.js';
import { rtmpOptions } from './gateway/rtmp-options.js';
import { rtmpPlayers } from './gateway/rtmp-players.js';
import { StreamAdmission } from './gateway/stream-admission.js';
import { WebServers, type WebUrls } from './gateway/web-servers.js';
import { Origin } from './hls/origin/origin.js';
import { StreamRegistry } from './live/registry.js';
import { Capacity } from './pipeline/capacity.js';
import { PipelineDirectory, type PipelineStreamState } from './pipeline/pipeline-directory.js';
import { Thumbnails } from './pipeline/thumbnails.js';
import type { Clock } from './protocols/clock.js';
import { FailureDomain } from './protocols/failure-domain.js';
import type { HttpDependencies } from './servers/http/dependencies.js';
import { RtmpServer } from './servers/rtmp/listener.js';
import { systemClock } from './system-clock.js';
import type { FfmpegInstallation } from './transcode/ffmpeg-installation.js';
import { ThumbnailMaker } from './transcode/thumbnail-maker.js';

/** For the commands. */
export { createLogger } from './gateway/logger.js';
export { findPublishKey, loadCertificate } from './gateway/parts.js';
export type { AccessRequest, AccessVerdict, Authorize } from './gateway/program-access.js';
export { checkMediaDirectory } from './hls/store/media-directory.js';
export { ensureFile, inspectDirectory } from './pipeline/directories.js';

export interface StartOptions {
  /** False: no HTTP port of its own; the program mounts `sluiceHttp` in a Fastify application of its own instead. Default true. */
  readonly http?: boolean;
}

export interface GatewayDependencies {
  /** A pino logger; every record of the gateway goes through it. Default: JSON lines on stdout, from the option `logLevel` on. */
  readonly logger?: Logger;
  /** Decides who may publish, in place of the publish key and the users. */
  readonly authorizePublish?: Authorize;
  /** Decides who may watch over RTMP. Default: everyone. */
  readonly authorizePlay?: Authorize;
  /** Aborted while the gateway is created: it is not waited for any longer, whatever it waits for. */
  readonly signal?: AbortSignal;
  /** What times and dates the streams. Default: the machine's. */
  readonly clock?: Clock;
}

export interface GatewayUrls extends WebUrls {
  /** `rtmp://HOST:PORT/live`, with the real port. */
  readonly rtmp: string;
  /** `rtmps://HOST:PORT/live`, with the real port, when `rtmpsPort` is set. */
  readonly rtmps?: string;
}

/** What `start` returns: where the gateway is reached, and what publishers need. */
export interface StartedGateway extends GatewayUrls {
  /** Publishers send it as `NAME?key=KEY`. Null: publishing needs no key. */
  readonly publishKey: string | null;
}

/** How long streams get to flush before what is left is closed anyway: `close()` ends within 5 s in all. */
const FLUSH_GRACE = 3_500;

/**
 * A gateway, not yet listening.
 * @param options keys of docs/configuration.md, or what `loadConfig` returned; what is left out has its default. Neither
 *   environment nor command line is read: `loadConfig()` does that.
 * @throws {SluiceError} `config.invalid` for bad options; others when the ladder has something to encode and no usable FFmpeg
 *   is found, or the certificate, the slate, the media or the state directory cannot be used
 */
export async function createGateway(
  options: ProgramOptions = {},
  dependencies: GatewayDependencies = {},
): Promise<Gateway> {
  const config = loadConfig({ options, env: {} });
  const { clock = systemClock, logger = await defaultLogger(config) } = dependencies;
  return new Gateway(await openParts(config, logger, clock, dependencies.signal), dependencies);
}

async function defaultLogger(config: Config): Promise<Logger> {
  const { key } = await findPublishKey(config);
  return createLogger(config.logLevel, process.stdout, key);
}

export class Gateway {
  /** The FFmpeg in use, proven by running it; undefined when there is none and the ladder needs none. */
  readonly ffmpeg: FfmpegInstallation | undefined;
  readonly #parts: GatewayParts;
  readonly #origin: Origin;
  readonly #dash: ReturnType<typeof dashOrigin>;
  readonly #directory: PipelineDirectory;
  readonly #capacity: Capacity;
  readonly #registry: StreamRegistry;
  readonly #rtmp: RtmpServer;
  /** Undefined: they are off, or there is no FFmpeg. */
  readonly #pictures: ThumbnailMaker | undefined;
  readonly #thumbnails: Thumbnails | undefined;
  /** Undefined: they have not been started, or the program has a server of its own. */
  #web: WebServers | undefined;
  #rtmpUrl: string | undefined;
  readonly #events: EventBus;
  /** Settles when the servers listen, or could not. */
  #started: Promise<Omit<GatewayUrls, 'http'> & Partial<GatewayUrls>> | undefined;
  #closed: Promise<void> | undefined;

  /** @internal `createGateway` is the way in. */
  constructor(parts: GatewayParts, { authorizePublish, authorizePlay }: GatewayDependencies = {}) {
    const { config, logger, clock, ffmpeg } = parts;
    this.#parts = parts;
    this.#events = new EventBus((error, { type }) => logger.error({ err: error, type }, 'an event listener failed'));
    const emit = (event: GatewayEvent): void => this.#events.emit(event);
    this.ffmpeg = ffmpeg;
    this.#origin = new Origin({ clock, onGone: () => this.#directory.forgetGone() });
    for (const left of parts.left) this.#origin.awaitPublisher(left, config.resumeWindow * 1000);
    this.#dash = dashOrigin(this.#origin);
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
      access: authorizePublish ? programPublishAccess(authorizePublish, config.apps, logger) : keyAndUsers(parts),
      admission: new StreamAdmission(parts, {
        registry: this.#registry,
        origin: this.#origin,
        directory: this.#directory,
        capacity: this.#capacity,
        emit,
      }),
      observer: publishEvents(clock, emit),
      ...(config.rtmpPlay === 'on' && {
        play: {
          access: authorizePlay ? programPlayAccess(authorizePlay, logger) : openPlayAccess(),
          admission: rtmpPlayers({
            registry: this.#registry,
            isHeld: (app, name) => this.#directory.find(app, name)?.resumable === true,
            events: this.#events,
          }),
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
      publishProof: config.users.length > 0 ? 'user' : this.#parts.key === null ? 'none' : 'key',
      publicUrl: config.publicUrl,
      embedFrameAncestors: config.frameAncestors.join(' '),
      maxWaiters: config.maxWaiters,
      maxWaitersPerIp: config.maxWaitersPerIp,
      maxUnreadBytes: config.maxUnreadBytes,
      maxUnreadBytesPerIp: config.maxUnreadBytesPerIp,
      trustedProxies: config.trustedProxies,
      metricsPolicy: config.metrics,
      metrics: {
        figures: () => gatewayFigures({ rtmp: this.#rtmp, directory: this.#directory, capacity: this.#capacity }),
      },
    };
  }

  /** The state of every stream that is published, waits for its publisher, or has ended and can still be watched. */
  streams(): readonly PipelineStreamState[] {
    return this.#directory.list();
  }

  /**
   * Hears what happens to streams and publishers, in order. A listener that throws is logged and disturbs nobody.
   * @returns a function that removes the listener
   */
  onEvent(listener: EventListener): () => void {
    return this.#events.subscribe(listener);
  }

  /**
   * Ends the publisher of a stream; its encoder is told the reason. Most encoders connect again within seconds: refuse them in
   * `authorizePublish`.
   * @returns false when nobody publishes under that name
   */
  kick(app: string, name: string, reason = 'the operator ended this publish'): boolean {
    const stream = this.#registry.get(app, name);
    stream?.kick(gatewayError('gateway.kicked', reason));
    return stream !== undefined;
  }

  /**
   * Listens on both ports, or with `{ http: false }` for publishers alone. Once only; a gateway that could not start has closed
   * itself.
   * @throws {SluiceError} when a port cannot be had; `gateway.started` the second time; `gateway.closed` after `close()`
   */
  start(options: { readonly http: false }): Promise<Omit<StartedGateway, 'http'>>;
  start(options?: { readonly http?: true }): Promise<StartedGateway>;
  start(options: StartOptions): Promise<Omit<StartedGateway, 'http'> & Partial<StartedGateway>>;
  async start({ http = true }: StartOptions = {}): Promise<Omit<StartedGateway, 'http'> & Partial<StartedGateway>> {
    if (this.#closed !== undefined) throw gatewayError('gateway.closed', 'got start() after close()');
    if (this.#started !== undefined) throw gatewayError('gateway.started', 'got start() a second time');
    this.#started = this.#listen(http);
    try {
      const urls = await this.#started;
      if (this.#closed !== undefined) throw gatewayError('gateway.closed', 'got close() while the gateway started');
      return { ...urls, publishKey: this.#parts.key };
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async #listen(http: boolean): Promise<Omit<GatewayUrls, 'http'> & Partial<GatewayUrls>> {
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

  /**
   * Reads again what may change while the gateway runs: the certificate. It is looked at every 2 s anyway; a pair that does not
   * work is logged, and the old one stays.
   */
  async reload(): Promise<void> {
    await this.#parts.certificate?.reload();
  }

  /** Tells publishers, flushes FFmpeg, writes ENDLIST, answers who waits, closes its ports. Idempotent, and allowed at any time. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    // What is about to listen is closed when it does; `start` tells its caller why it could not.
    await this.#started?.catch(() => undefined);
    const failures: unknown[] = [];
    const domain = new FailureDomain('gateway', ({ cause }) => failures.push(cause));
    await domain.settled('rtmp servers', () => this.#rtmp.close());
    domain.attempt('thumbnails', () => this.#pictures?.close());
    const flushed = Promise.all(this.#directory.pipelines.map((pipeline) => pipeline.end()));
    await Promise.race([flushed, new Promise<void>((resolve) => setTimeout(resolve, FLUSH_GRACE).unref())]);
    await domain.settled('web servers', async () => this.#web?.close());
    domain.attempt('certificate', () => this.#parts.certificate?.close());
    // Last: until here streams were written to the end.
    await domain.settled('directories', () => this.#parts.directories.release());
    // After all of them: what is open still must not depend on what could not be closed.
    if (failures.length > 0) throw failures[0];
  }

  #ready(): { ready: boolean; reasons: string[] } {
    const reasons: string[] = [];
    if (this.#rtmpUrl === undefined) reasons.push('the servers are not listening yet');
    if (this.#closed !== undefined) reasons.push('the gateway is shutting down');
    return { ready: reasons.length === 0, reasons };
  }
}

function thumbnailMaker({ config, ffmpeg, clock, childSettings }: GatewayParts): ThumbnailMaker | undefined {
  if (config.thumbnails === 'off' || ffmpeg === undefined) return undefined;
  return new ThumbnailMaker({ ffmpeg, clock, ...(childSettings && { childSettings }) });
}
