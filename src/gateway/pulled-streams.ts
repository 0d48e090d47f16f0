// Connects pull sources with the places of publishers, and lets RTMP players wait for a stream that is pulled for them.

import type { PlayAccess } from '../contracts/access.js';
import type { Clock } from '../protocols/clock.js';
import { FailureDomain } from '../protocols/failure-domain.js';
import type { Milliseconds } from '../protocols/units.js';
import type { PulledStream, PullPlaces } from '../relay/pull-source.js';
import { PullSources } from '../relay/pull-sources.js';
import { limitedLogger } from './limited-logger.js';
import type { GatewayParts } from './parts.js';
import type { RelayConnections } from './relay-connections.js';

/** How long an RTMP player waits; below the limit of the RTMP server for a decision. */
const PLAY_WAIT: Milliseconds = 9_000;

export class PulledStreams {
  readonly sources: PullSources;
  readonly #registry: RelayConnections['registry'];
  readonly #clock: Clock;
  /** RTMP players that wait, by name. */
  readonly #waiting = new Map<string, Set<() => void>>();

  /** @throws {SluiceError} `relay.url` */
  constructor(
    { config, clock, logger }: Pick<GatewayParts, 'config' | 'clock' | 'logger'>,
    { registry, streams, admission, observer, origin }: Omit<RelayConnections, 'emit' | 'ownPorts'>,
  ) {
    const domain = new FailureDomain('pulled streams', ({ where, cause }) =>
      logger.error({ where, err: cause }, 'internal error: a player does not get a stream that is pulled'),
    );
    this.#registry = registry;
    this.#clock = domain.clock(clock);
    const places: PullPlaces = {
      claim: (request) => {
        const target = admission.claim(request);
        observer.onStart?.(request);
        const ended: PulledStream = {
          publish: (kind, timestamp, body) => target.publish(kind, timestamp, body),
          end: (reason) => {
            target.end(reason);
            observer.onEnd?.(request, reason);
          },
          onKick: (listener) => target.onKick?.(listener),
        };
        return ended;
      },
      isTaken: (app, name) => registry.get(app, name) !== undefined,
      // Playlists that wait for their publisher are served meanwhile, since the other server may be away for long.
      starting: (app, name) =>
        origin.presentation(app, name)?.ended === false ? undefined : origin.starting(app, name),
      isPlayed: (app, name) => streams.isPlayed(app, name),
    };
    this.sources = new PullSources(
      config.sources.map(({ stream, url, backup, onDemand = false }) => {
        const [app = '', name = ''] = stream.split('/');
        const urls = backup === undefined ? [url] : [url, backup];
        const idleAfter = config.pullIdle * 1000;
        const log = limitedLogger(logger.child({ module: 'relay' }));
        return { app, name, urls, onDemand, idleAfter, places, clock, logger: log };
      }),
    );
    registry.on({ onStart: ({ app, name }) => this.#started(app, name) });
  }

  /** The same policy, but the answer to a player waits for its stream if that is pulled on demand. */
  awaited(access: PlayAccess): PlayAccess {
    return {
      check: async (request) => {
        const decision = await access.check(request);
        const { app, name } = request;
        if (decision.allowed && this.sources.demand(app, name)) await this.#published(app, name);
        return decision;
      },
    };
  }

  /** Resolves when the stream is published, or after `PLAY_WAIT`. */
  #published(app: string, name: string): Promise<void> {
    if (this.#registry.get(app, name) !== undefined) return Promise.resolve();
    const key = `${app}/${name}`;
    return new Promise((resolve) => {
      const cancel = this.#clock.after(PLAY_WAIT, () => done());
      const done = (): void => {
        cancel();
        if (this.#waiting.get(key)?.delete(done) && this.#waiting.get(key)?.size === 0) this.#waiting.delete(key);
        resolve();
      };
      this.#waiting.set(key, (this.#waiting.get(key) ?? new Set()).add(done));
    });
  }

  #started(app: string, name: string): void {
    for (const done of [...(this.#waiting.get(`${app}/${name}`) ?? [])]) done();
  }
}
