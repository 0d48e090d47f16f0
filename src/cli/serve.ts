// Runs the gateway: key, log, start, announcement, and a proper end at a signal.

import type { Logger } from 'pino';
import { redactConfig } from '../config/load-config.js';
import { OPEN_PUBLISHING } from '../config/options/publishing.js';
import type { Config } from '../config/schema.js';
import { createGateway, createLogger, findPublishKey, type Gateway, type GatewayUrls } from '../gateway.js';
import { SluiceError } from '../protocols/errors.js';
import type { Milliseconds } from '../protocols/units.js';
import { announcement } from './announcement.js';
import { cliError } from './errors.js';
import { FatalErrors } from './fatal-errors.js';
import { type CommandIo, type ConfigDetails, EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from './io.js';
import { reload } from './reload.js';

/** Something that runs with the gateway and ends before it. */
export interface Companion {
  stop(): Promise<void>;
}

export interface RunningGateway {
  readonly gateway: Gateway;
  readonly urls: GatewayUrls;
  readonly key: string | null;
  readonly logger: Logger;
}

export interface ServeOptions extends ConfigDetails {
  /** Name of the stream that the companion publishes, for the announcement. */
  readonly demo?: string;
  /** Started once the gateway is ready. */
  readonly companion?: (running: RunningGateway) => Companion;
}

/** Limit for the demo's publisher and `Gateway.close()`. Their own limits add up to less (`gateway/close-deadline.ts`). */
export const CLOSE_TIMEOUT: Milliseconds = 5_000;
/** Two signals within this time count as one. */
const SAME_SIGNAL: Milliseconds = 500;
/** A shorter key of random letters and digits has less than 96 bits. */
const SHORT_KEY = 16;

/** @returns the exit status, when a signal has ended the gateway or when it could not start */
export async function serve(config: Config, io: CommandIo, options: ServeOptions = {}): Promise<number> {
  // This comes first, because a signal during the start must also lead to a proper end.
  const stop = stopRequest(io);
  const fatal = new FatalErrors(io);
  let running: RunningGateway | undefined;
  try {
    running = await fatal.unlessFatal(unlessStopped(start(config, io, options, stop.aborted), stop));
    const { logger } = running;
    fatal.logTo(logger);
    const companion = options.companion?.(running);
    const disposeHeld = handleHeldSignals(running, config, io, options);
    const why = await Promise.race([stop.requested, fatal.first]);
    const isFatal = typeof why !== 'string';
    if (isFatal) {
      const { error, origin } = why;
      logger.fatal({ err: error, origin }, 'internal error that belongs to no stream: the gateway stops');
    } else logger.info({ signal: why }, 'stopping');
    await withinTimeout(closeAll(running.gateway, companion));
    disposeHeld();
    logger.info({}, 'stopped');
    return isFatal ? EXIT_FAILURE : EXIT_OK;
  } catch (error) {
    if (running === undefined && stop.aborted.aborted) {
      io.stderr.write('sluice: stopped by a signal while starting\n');
      return EXIT_OK;
    }
    if (running === undefined) io.stderr.write(`sluice: cannot start: ${oneLine(error)}\n`);
    else running.logger.error({ err: error }, 'did not stop cleanly');
    return running === undefined && isWrongDirectory(error) ? EXIT_USAGE : EXIT_FAILURE;
  } finally {
    stop.dispose();
    fatal.dispose();
  }
}

/** Whether the error says that a directory in the configuration belongs to somebody else. */
function isWrongDirectory(error: unknown): boolean {
  return error instanceof SluiceError && ['hls.media-directory', 'pipeline.directory-in-use'].includes(error.code);
}

async function start(
  config: Config,
  io: CommandIo,
  options: ServeOptions,
  signal: AbortSignal,
): Promise<RunningGateway> {
  const publishKey = await findPublishKey(config);
  const logger = createLogger(config.logLevel, io.stdout, publishKey.key);
  for (const warning of options.warnings ?? []) logger.warn({}, `configuration: ${warning}`);
  logger.debug({ config: redactConfig(config) }, 'configuration');
  if (publishKey.origin === 'configured' && config.publishKey !== undefined && config.publishKey.length < SHORT_KEY) {
    logger.warn({}, `the publish key is shorter than ${SHORT_KEY} characters: it can be guessed`);
  }
  const gateway = await createGateway({ ...config, publishKey: publishKey.key ?? OPEN_PUBLISHING }, { logger, signal });
  // The key is not logged: only the announcement shows it.
  const { publishKey: _, ...urls } = await gateway.start();
  logger.info(urls, 'ready');
  const http = (config.publicUrl ?? urls.http).replace(/\/+$/, '');
  const demo = options.demo === undefined ? {} : { demo: options.demo };
  const users = config.users.length > 0;
  const asksForUser = users && config.userChallenge === 'on';
  const isProtected = config.playAccess === 'token';
  io.stderr.write(announcement({ ...urls, http, publishKey, users, asksForUser, isProtected, ...demo }));
  return { gateway, urls, key: publishKey.key, logger };
}

/** SIGHUP reloads what can be reloaded; SIGUSR1 and SIGUSR2 are logged and ignored. */
function handleHeldSignals(
  { gateway, logger }: RunningGateway,
  config: Config,
  io: CommandIo,
  options: ServeOptions,
): () => void {
  return io.onHeldSignal((signal) => {
    if (signal === 'SIGHUP') {
      reload({ gateway, logger, config, readConfig: options.readConfig }).catch((error: unknown) =>
        logger.error({ err: error }, 'internal error: the reload failed, nothing has changed'),
      );
    } else logger.info({ signal }, 'signal ignored');
  });
}

interface StopRequest {
  /** Resolves with the name of the signal. */
  readonly requested: Promise<string>;
  readonly aborted: AbortSignal;
  dispose(): void;
}

/** Stops waiting for `work`, such as a disk that does not answer, some time after a signal. */
function unlessStopped<T>(work: Promise<T>, { requested }: StopRequest): Promise<T> {
  return Promise.race([work, requested.then(() => withinTimeout(work))]);
}

/** The first signal asks for a proper end; the second ends the process at once. */
function stopRequest(io: CommandIo): StopRequest {
  const abort = new AbortController();
  const { promise, resolve } = withResolver<string>();
  let first: Milliseconds | undefined;
  const dispose = io.onStopSignal((signal) => {
    const now = performance.now();
    first ??= now;
    abort.abort();
    resolve(signal);
    // One Ctrl-C may arrive twice: from the terminal, and forwarded by npm.
    if (now - first > SAME_SIGNAL) io.exit(EXIT_FAILURE);
  });
  return { requested: promise, aborted: abort.signal, dispose };
}

function withResolver<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}

async function closeAll(gateway: Gateway, companion: Companion | undefined): Promise<void> {
  await companion?.stop();
  await gateway.close();
}

async function withinTimeout<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const late = cliError('cli.close-timeout', `not everything had ended after ${CLOSE_TIMEOUT} ms`);
    timer = setTimeout(() => reject(late), CLOSE_TIMEOUT);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Expected errors are shown as one line, bugs with their stack. */
function oneLine(error: unknown): string {
  if (error instanceof SluiceError) return error.message;
  if (error instanceof Error && 'code' in error && 'syscall' in error) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
