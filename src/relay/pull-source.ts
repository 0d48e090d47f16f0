// One stream that is pulled from another server: connects always or while somebody watches, publishes what it gets like a publisher, and tries
// again, at the next URL if there are several, when nothing comes.

import type { Logger } from '../contracts/logger.js';
import type { PullSourceState, PullState } from '../contracts/relay.js';
import type { Clock } from '../protocols/clock.js';
import { SluiceError } from '../protocols/errors.js';
import { FailureDomain, type Fault } from '../protocols/failure-domain.js';
import type { ClientEvent } from '../protocols/rtmp/client-event.js';
import type { EpochMilliseconds, Milliseconds } from '../protocols/units.js';
import { pauseAfter } from './backoff.js';
import { relayError } from './errors.js';
import { RtmpLink } from './rtmp-link.js';
import { parseRtmpUrl, type RtmpUrl } from './rtmp-url.js';

const SECOND: Milliseconds = 1_000;
/** A server that sends nothing for this long is given up. */
const SILENCE: Milliseconds = 10_000;
/** The same if there is another URL. */
const SILENCE_WITH_BACKUP: Milliseconds = 5_000;
const SUCCESS_AFTER: Milliseconds = 60_000;

/** Where the media goes: the place of a publisher. */
export interface PulledStream {
  /** @throws {SluiceError} if the media cannot be served */
  publish(kind: 'audio' | 'video' | 'script', timestamp: Milliseconds, body: Buffer): void;
  /** Called exactly once. */
  end(reason?: SluiceError): void;
  onKick?(listener: (reason: SluiceError) => void): void;
}

export interface PullPlaces {
  /** @throws {SluiceError} if the name is taken, or the gateway is full */
  claim(stream: { readonly app: string; readonly name: string; readonly remoteAddress: string }): PulledStream;
  /** Whether somebody publishes under this name. */
  isTaken(app: string, name: string): boolean;
  /** Requests for this stream wait until the returned function is called. Undefined if there are playlists to answer them from. */
  starting(app: string, name: string): (() => void) | undefined;
  /** Whether somebody plays the stream over RTMP, or waits for its return. */
  isPlayed(app: string, name: string): boolean;
}

export interface PullSourceOptions {
  readonly app: string;
  readonly name: string;
  readonly urls: readonly string[];
  readonly onDemand: boolean;
  /** For how long nobody must watch before the connection is closed. */
  readonly idleAfter: Milliseconds;
  readonly places: PullPlaces;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random?: () => number;
}

export class PullSource {
  readonly #options: PullSourceOptions;
  readonly #urls: readonly RtmpUrl[];
  readonly #domain: FailureDomain;
  readonly #clock: Clock;
  #url = 0;
  #state: PullState = 'idle';
  #since: EpochMilliseconds;
  #link: RtmpLink | undefined;
  #stream: PulledStream | undefined;
  #lastError: PullSourceState['lastError'];
  #failure: SluiceError | undefined;
  #failures = 0;
  #bytes = 0;
  #lastMedia: Milliseconds = 0;
  #began: Milliseconds = 0;
  #lastDemand: Milliseconds | undefined;
  #release: (() => void) | undefined;
  #cancelRetry: () => void = () => undefined;
  #onClosed: (() => void) | undefined;

  /** @throws {SluiceError} `relay.url` */
  constructor(options: PullSourceOptions) {
    this.#options = options;
    this.#urls = options.urls.map((url) => parseRtmpUrl(url));
    const { app, name, clock } = options;
    this.#since = clock.wallClock();
    this.#domain = new FailureDomain(`source of ${app}/${name}`, (fault) => this.#broke(fault));
    this.#clock = this.#domain.clock(clock);
  }

  /** Connects at once, unless it waits for viewers. */
  open(): void {
    this.#clock.after(SECOND, () => this.#tick());
    if (!this.#options.onDemand) this.#connect();
  }

  /** Somebody asks for the stream. */
  demand(): void {
    const { onDemand, places, app, name } = this.#options;
    if (!onDemand || this.#onClosed !== undefined || this.#domain.closed) return;
    this.#lastDemand = this.#clock.now();
    if (this.#stream !== undefined || places.isTaken(app, name)) return;
    this.#release ??= places.starting(app, name);
    if (this.#state === 'idle') this.#connect();
  }

  /** @returns when the connection is closed */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#onClosed = resolve;
    });
    this.#cancelRetry();
    if (this.#link === undefined) this.#onClosed?.();
    else this.#link.close();
    await closed;
    this.#leave(undefined);
    this.#letGo();
    this.#domain.close();
  }

  get state(): PullSourceState {
    const { app, name, onDemand } = this.#options;
    const { shown = '' } = this.#urls[this.#url] ?? {};
    return {
      ...{ app, name, url: shown, onDemand, state: this.#state, since: this.#since, bytes: this.#bytes },
      ...{ lastError: this.#lastError, remoteAddress: this.#link?.remoteAddress },
    };
  }

  #connect(): void {
    const url = this.#urls[this.#url];
    if (url === undefined || this.#onClosed !== undefined) return;
    this.#cancelRetry();
    this.#began = this.#clock.now();
    const { app, name, places } = this.#options;
    if (places.isTaken(app, name)) {
      this.#failed(relayError('relay.in-use', `somebody publishes ${app}/${name}`));
      return;
    }
    this.#to('connecting');
    this.#lastMedia = this.#began;
    this.#link = new RtmpLink({
      ...{ role: 'play', url, trust: {}, domain: this.#domain, clock: this.#clock },
      onAccepted: () => {
        this.#lastMedia = this.#clock.now();
      },
      onMedia: (media) => this.#media(media),
      onRoom: () => undefined,
      onReconnect: () => this.#give(relayError('relay.moved', 'the server asked for a new connection')),
      onEnd: (error) => this.#ended(error),
    });
  }

  #media({ kind, timestamp, body }: Extract<ClientEvent, { readonly type: 'media' }>): void {
    if (this.#failure !== undefined) return;
    this.#lastMedia = this.#clock.now();
    this.#bytes += body.length;
    try {
      this.#stream ??= this.#claim();
      this.#stream.publish(kind, timestamp, body);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      this.#give(error);
    }
  }

  #claim(): PulledStream {
    const { app, name, places, logger } = this.#options;
    // A source never takes the name away from a publisher, whatever `publishConflict` says.
    if (places.isTaken(app, name)) throw relayError('relay.in-use', `somebody publishes ${app}/${name}`);
    const stream = places.claim({ app, name, remoteAddress: this.#link?.remoteAddress ?? '' });
    stream.onKick?.(this.#domain.guard('source is kicked', (reason) => this.#give(reason)));
    // Whoever has waited for the connection has not asked again meanwhile.
    this.#lastDemand = this.#clock.now();
    this.#to('pulling');
    logger.info({ app, stream: name, url: this.state.url }, 'a stream is pulled from another server');
    return stream;
  }

  /** Leaves the server because of this error. */
  #give(error: SluiceError): void {
    this.#failure ??= error;
    this.#link?.close();
  }

  #ended(error: SluiceError | undefined): void {
    const failure = this.#failure ?? error;
    this.#failure = undefined;
    this.#link = undefined;
    this.#leave(failure);
    if (this.#onClosed !== undefined) {
      this.#onClosed();
      return;
    }
    if (failure === undefined) this.#to('idle');
    else this.#failed(failure);
  }

  /** Gives the name back; its playlists wait for `resumeWindow`, as for a publisher. */
  #leave(reason: SluiceError | undefined): void {
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.end(reason);
  }

  #failed(error: SluiceError): void {
    const { app, name, clock, logger, onDemand, random = Math.random } = this.#options;
    const { code, message } = error;
    this.#lastError = { code, message, time: clock.wallClock() };
    this.#failures = this.#clock.now() - this.#began >= SUCCESS_AFTER ? 1 : this.#failures + 1;
    const isInUse = code === 'relay.in-use';
    // The next URL is tried at once; after a round of all of them there is a pause. No URL helps while a publisher has the name.
    if (!isInUse) this.#url = (this.#url + 1) % this.#urls.length;
    const round = Math.ceil(this.#failures / this.#urls.length);
    const pause = isInUse || this.#failures % this.#urls.length === 0 ? pauseAfter(round, random()) : 0;
    this.#to('backoff');
    // Requests are answered from the publisher's playlists.
    if (isInUse) this.#letGo();
    const fields = { app, stream: name, code, retryInMilliseconds: Math.round(pause) };
    logger.warn(fields, `a stream is not pulled: ${message}`);
    this.#cancelRetry = this.#clock.after(pause, () => {
      if (onDemand && !this.#isWanted) this.#to('idle');
      else this.#connect();
    });
  }

  get #isWanted(): boolean {
    const { idleAfter, places, app, name } = this.#options;
    const asked = this.#lastDemand !== undefined && this.#clock.now() - this.#lastDemand < idleAfter;
    return asked || places.isPlayed(app, name);
  }

  #tick(): void {
    this.#clock.after(SECOND, () => this.#tick());
    const { onDemand } = this.#options;
    if (this.#link === undefined) return;
    const silence = this.#urls.length > 1 ? SILENCE_WITH_BACKUP : SILENCE;
    const silent = this.#clock.now() - this.#lastMedia;
    if (onDemand && this.#stream !== undefined && !this.#isWanted) this.#link.close();
    else if (silent >= silence && this.#stream !== undefined) {
      this.#give(relayError('relay.connection', `the server sent nothing for ${silence / 1000} s`));
    } else if (silent >= SILENCE) {
      this.#give(relayError('relay.connection', `the server sent no media within ${SILENCE / 1000} s`));
    }
  }

  #to(state: PullState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#since = this.#options.clock.wallClock();
    // Requests wait over failed attempts, as long as the origin lets them.
    if (state !== 'connecting' && state !== 'backoff') this.#letGo();
  }

  #letGo(): void {
    this.#release?.();
    this.#release = undefined;
  }

  /** An internal error ends this source until the gateway starts again; other sources and the publishers of its name are not affected. */
  #broke({ where, cause }: Fault): void {
    const { app, name, logger } = this.#options;
    logger.error({ app, stream: name, where, err: cause }, 'internal error: a stream is no longer pulled');
    if (this.#domain.closed) return;
    this.#domain.close();
    this.#link = undefined;
    this.#to('failed');
    this.#leave(relayError('relay.connection', 'internal error'));
    this.#onClosed?.();
  }
}
