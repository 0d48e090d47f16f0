// The composition root: builds all parts of the gateway, connects them, starts them in order and stops them in reverse order.
import { loadConfig } from './config/load-config.js';
import type { ProgramOptions } from './config/program-options.js';
import type { GrantControl } from './contracts/grant.js';
import type { RecordingControl } from './contracts/recordings.js';
import type { PullSourceState, PushControl } from './contracts/relay.js';
import type { EventControl } from './contracts/timed-event.js';
import { EventBus, type EventListener } from './events/event-bus.js';
import type { GatewayEvent } from './events/gateway-event.js';
import { urlHost } from './gateway/addresses.js';
import { adminDependencies } from './gateway/admin-dependencies.js';
import { AdminServer } from './gateway/admin-server.js';
import { FLUSH_UNTIL, untilDeadline } from './gateway/close-deadline.js';
import { dashOrigin } from './gateway/dash-origin.js';
import { gatewayError } from './gateway/errors.js';
import { gatewayFigures } from './gateway/figures.js';
import type { GatewayDependencies, GatewayUrls, StartedGateway, StartOptions } from './gateway/gateway-options.js';
import { httpDependencies } from './gateway/http-dependencies.js';
import { createLogger } from './gateway/logger.js';
import { findPublishKey, type GatewayParts, openParts } from './gateway/parts.js';
import { playAccess } from './gateway/play-access.js';
import { programPublishAccess } from './gateway/program-access.js';
import { keyAndUsers, publishEvents, publishExpiring } from './gateway/publishers.js';
import { Relay } from './gateway/relay.js';
import { registryOptions, rtmpOptions } from './gateway/rtmp-options.js';
import { rtmpPlayers } from './gateway/rtmp-players.js';
import { StreamAdmission } from './gateway/stream-admission.js';
import { thumbnailMaker, thumbnails } from './gateway/stream-thumbnails.js';
import { WebServers } from './gateway/web-servers.js';
import { Origin } from './hls/origin/origin.js';
import { StreamRegistry } from './live/registry.js';
import { Capacity } from './pipeline/capacity.js';
import { PipelineDirectory, type PipelineStreamState } from './pipeline/pipeline-directory.js';
import type { Thumbnails } from './pipeline/thumbnails.js';
import { FailureDomain, type Fault } from './protocols/failure-domain.js';
import type { AdminDependencies } from './servers/admin/dependencies.js';
import type { HttpDependencies } from './servers/http/dependencies.js';
import type { MetricsPage } from './servers/http/metrics/figures.js';
import { RtmpServer } from './servers/rtmp/listener.js';
import { systemClock } from './system-clock.js';
import type { FfmpegInstallation } from './transcode/ffmpeg-installation.js';
import type { ThumbnailMaker } from './transcode/thumbnail-maker.js';

export { programVersion } from './gateway/admin-dependencies.js';
export type { GatewayDependencies, GatewayUrls, StartedGateway, StartOptions } from './gateway/gateway-options.js';
/** Used by the commands of the CLI. */
export { createLogger } from './gateway/logger.js';
export { findPublishKey, loadCertificate, storedTargets } from './gateway/parts.js';
export type { AccessRequest, AccessVerdict, Authorize } from './gateway/program-access.js';
export { findPlayKeys } from './gateway/viewer-policy.js';
export { checkMediaDirectory } from './hls/store/media-directory.js';
export { ensureFile, inspectDirectory } from './pipeline/directories.js';

/**
 * Creates a gateway that does not listen yet.
 * @param options keys of docs/configuration.md, or the result of `loadConfig`; omitted options have their default. Neither environment nor
 * command line is read: `loadConfig()` does that.
 * @throws {SluiceError} `config.invalid` for invalid options; other codes if something must be encoded and no usable FFmpeg is found, or if
 * the certificate, the slate, the media directory or the state directory cannot be used
 */
export async function createGateway(
  options: ProgramOptions = {},
  dependencies: GatewayDependencies = {},
): Promise<Gateway> {
  const config = loadConfig({ options, env: {} });
  const { clock = systemClock } = dependencies;
  const { logger = createLogger(config.logLevel, process.stdout, (await findPublishKey(config)).key) } = dependencies;
  return new Gateway(await openParts(config, logger, clock, dependencies.signal), dependencies);
}

export class Gateway {
  /** The FFmpeg in use, proven by running it; undefined if none was found and the ladder needs none. */
  readonly ffmpeg: FfmpegInstallation | undefined;
  readonly #parts: GatewayParts;
  readonly #origin: Origin;
  readonly #dash: ReturnType<typeof dashOrigin>;
  readonly #directory: PipelineDirectory;
  readonly #capacity: Capacity;
  readonly #registry: StreamRegistry;
  readonly #rtmp: RtmpServer;
  readonly #relay: Relay;
  /** Undefined if thumbnails are off or no FFmpeg was found. */
  readonly #thumbnailMaker: ThumbnailMaker | undefined;
  readonly #thumbnails: Thumbnails | undefined;
  /** Undefined before the start, and if the program has its own server. */
  #web: WebServers | undefined;
  /** Undefined if it is off, has not been started, or the program has its own server. */
  #admin: AdminServer | undefined;
  /** The metrics of the HTTP side, wherever that is mounted. */
  #metrics: MetricsPage | undefined;
  #rtmpUrl: string | undefined;
  readonly #events: EventBus;
  /** Settles when the servers listen, or when that has failed. */
  #started: Promise<Omit<GatewayUrls, 'http'> & Partial<GatewayUrls>> | undefined;
  #closed: Promise<void> | undefined;

  /** @internal Use `createGateway`. */
  constructor(parts: GatewayParts, { authorizePublish, authorizePlay }: GatewayDependencies = {}) {
    const { config, logger, clock, ffmpeg } = parts;
    this.#parts = parts;
    this.#events = new EventBus((error, { type }) => logger.error({ err: error, type }, 'an event listener failed'));
    const emit = (event: GatewayEvent): void => this.#events.emit(event);
    parts.recording.report(emit);
    this.ffmpeg = ffmpeg;
    parts.publishers.onExpiring((grant, until) => emit(publishExpiring(clock, grant, until)));
    const onAsked = (app: string, name: string) => this.#relay.demand(app, name);
    this.#origin = new Origin({ clock, onAsked, onGone: () => this.#directory.forgetGone() });
    for (const left of parts.left) this.#origin.awaitPublisher(left, config.resumeWindow * 1000);
    this.#dash = dashOrigin(this.#origin);
    this.#directory = new PipelineDirectory(this.#origin);
    parts.access.findSettings((app, name) => this.#directory.find(app, name)?.settings);
    this.#registry = new StreamRegistry({ ...registryOptions(config), clock });
    const onFault = ({ cause }: Fault) => logger.error({ err: cause }, 'internal error: the load is not measured');
    const load = new FailureDomain('load', onFault);
    this.#capacity = new Capacity({ clock: load.clock(clock), maxTranscodes: config.maxTranscodes });
    this.#thumbnailMaker = thumbnailMaker(parts);
    this.#thumbnails = this.#thumbnailMaker && thumbnails(parts, this.#thumbnailMaker, this.#directory);
    const isHeld = (app: string, name: string) => this.#directory.find(app, name)?.resumable === true;
    const players = rtmpPlayers({ registry: this.#registry, isHeld, events: this.#events });
    const [registry, origin, observer] = [this.#registry, this.#origin, publishEvents(clock, emit)];
    const shared = { registry, origin, directory: this.#directory, capacity: this.#capacity, emit };
    const admission = new StreamAdmission(parts, shared);
    const ownPorts = () => this.#rtmp.ports;
    const streams = { open: players.openForTarget, isPlayed: players.isPlayed };
    this.#relay = new Relay(parts, { registry, origin, observer, admission, streams, emit, ownPorts });
    const play = this.#relay.awaited(playAccess(parts, authorizePlay));
    this.#rtmp = new RtmpServer(rtmpOptions(config), {
      access: authorizePublish ? programPublishAccess(authorizePublish, config.apps, logger) : keyAndUsers(parts),
      ...{ admission, observer },
      ...(config.rtmpPlay === 'on' && { play: { access: play, admission: players } }),
      ...(config.rtmpsPort !== undefined && parts.certificate && { certificate: parts.certificate }),
      logger: logger.child({ module: 'rtmp' }),
    });
  }

  /** The dependencies of `sluiceHttp`, to mount playback, pages and API in your own Fastify application. */
  httpDependencies(): HttpDependencies {
    return httpDependencies(this.#parts, {
      ...{ origin: this.#origin, dash: this.#dash, directory: this.#directory, thumbnails: this.#thumbnails },
      health: { ready: () => this.#ready() },
      rtmpPort: () => (this.#rtmpUrl === undefined ? undefined : Number(new URL(this.#rtmpUrl).port)),
      metrics: {
        figures: () => ({
          ...gatewayFigures(this.#parts, { rtmp: this.#rtmp, directory: this.#directory, capacity: this.#capacity }),
          adminRefused: this.#admin?.refused ?? new Map(),
          bucket: this.#parts.recording.bucket(),
        }),
        offer: (page) => {
          this.#metrics = page;
        },
      },
    });
  }

  /** The dependencies of `sluiceAdmin`, to mount the management API in your own Fastify application. */
  adminDependencies(): AdminDependencies {
    return adminDependencies(this.#parts, {
      health: { ready: () => this.#ready() },
      ...{ streams: this.#directory, targets: this.#relay.targets, sources: () => this.#relay.sources },
      metrics: () => this.#metrics,
    });
  }

  /** The state of every stream that is published, waits for its publisher, or has ended and can still be watched. */
  streams(): readonly PipelineStreamState[] {
    return this.#directory.list();
  }

  /**
   * Calls the listener for events of streams and publishers, in order. An exception in a listener is logged and has no other effect.
   * @returns a function that removes the listener
   */
  onEvent(listener: EventListener): () => void {
    return this.#events.subscribe(listener);
  }

  /**
   * Ends the publisher of a stream and tells its encoder the reason. Most encoders reconnect within seconds: refuse them in
   * `authorizePublish`.
   * @returns false if nobody publishes under that name
   */
  kick(app: string, name: string, reason = 'the operator ended this publish'): boolean {
    const stream = this.#registry.get(app, name);
    stream?.kick(gatewayError('gateway.kicked', reason));
    return stream !== undefined;
  }

  /** Starts and stops recordings; finds, changes and removes finished ones. */
  get recordings(): RecordingControl {
    return this.#parts.recording;
  }

  /** Lists and changes push targets: the servers to which streams are forwarded. */
  get targets(): PushControl {
    return this.#relay.targets;
  }

  /** The streams that are pulled from other servers. */
  get sources(): readonly PullSourceState[] {
    return this.#relay.sources;
  }

  /** Sends timed events into streams, and reads them. */
  get timedEvents(): EventControl {
    return this.#parts.events;
  }

  /** Lists and ends the grants of the access policy, and bans parties. */
  get grants(): GrantControl {
    return this.#parts.access.control;
  }

  /**
   * Starts listening on all ports, or with `{ http: false }` for publishers only. Can be called once; if it fails, the gateway has closed
   * itself.
   * @throws {SluiceError} if a port cannot be opened; `gateway.started` on a second call; `gateway.closed` after `close()`
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
    await this.#relay.open();
    const rtmp = `rtmp://${urlHost(host)}:${port}/${config.apps[0]}`;
    const publishing = { rtmp, ...(tls && { rtmps: `rtmps://${urlHost(tls.host)}:${tls.port}/${config.apps[0]}` }) };
    const guard = this.#rtmp.descriptors.guard('viewers');
    if (http) {
      this.#web = new WebServers(this.#parts, this.httpDependencies(), guard);
      this.#admin = AdminServer.create(this.#parts, this.adminDependencies(), guard);
    }
    const web = await this.#web?.listen();
    const admin = await this.#admin?.listen();
    const urls = { ...publishing, ...web, ...(admin !== undefined && { admin }) };
    this.#rtmpUrl = rtmp;
    logger.debug({ ffmpeg: this.ffmpeg?.versionText, origin: this.ffmpeg?.origin }, 'ffmpeg');
    return urls;
  }

  /**
   * Reloads what may change while the gateway runs: the certificate. It is also checked every 2 s. A pair that does not work is logged, and
   * the old one stays in use.
   */
  async reload(): Promise<void> {
    await this.#parts.certificate?.reload();
  }

  /**
   * Notifies publishers, flushes FFmpeg, writes ENDLIST, answers waiting requests, and closes the ports. Idempotent; may be called at any time.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Limits of the steps: RTMP 1.5 s and streams together 4 s, then HTTP 0.5 s, so 4.5 s before the locks; `close()` may take 5 s. */
  async #close(): Promise<void> {
    const flushUntil = systemClock.now() + FLUSH_UNTIL;
    // Servers that are about to listen are closed after they do; `start` reports its own failure to its caller.
    await this.#started?.catch(() => undefined);
    const failures: unknown[] = [];
    const domain = new FailureDomain('gateway', ({ cause }) => failures.push(cause));
    const relay = domain.settled('relay', () => this.#relay.close());
    await domain.settled('rtmp servers', () => this.#rtmp.close());
    await relay;
    domain.attempt('thumbnails', () => this.#thumbnailMaker?.close());
    // The end of its playlists answers the requests that wait for a stream.
    const flushed = Promise.all(this.#directory.pipelines.map((pipeline) => pipeline.end()));
    await domain.settled('streams', () => untilDeadline(flushed, flushUntil, systemClock));
    await domain.settled('recordings', () => untilDeadline(this.#parts.recording.close(), flushUntil, systemClock));
    await domain.settled('web servers', () => Promise.all([this.#web?.close(), this.#admin?.close()]));
    domain.attempt('certificate', () => this.#parts.certificate?.close());
    await domain.settled('access', () => this.#parts.access.close());
    // This is the last step, because streams were still writing files until here.
    await domain.settled('directories', () => this.#parts.directories.release());
    // Failures are thrown at the end, so that one of them does not keep other things open.
    if (failures.length > 0) throw failures[0];
  }

  #ready(): { ready: boolean; reasons: string[] } {
    const reasons: string[] = [];
    if (this.#rtmpUrl === undefined) reasons.push('the servers are not listening yet');
    if (this.#closed !== undefined) reasons.push('the gateway is shutting down');
    return { ready: reasons.length === 0, reasons };
  }
}
