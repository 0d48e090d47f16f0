// Streams to and from other servers: connects push targets with the live streams, the file of targets and the events, and owns pull sources.

import type { PlayAccess } from '../contracts/access.js';
import type { PullSourceState } from '../contracts/relay.js';
import { PushTargets } from '../relay/push-targets.js';
import { limitedLogger } from './limited-logger.js';
import type { GatewayParts } from './parts.js';
import { PulledStreams } from './pulled-streams.js';
import type { RelayConnections } from './relay-connections.js';
import { targetStore } from './target-store.js';

export class Relay {
  readonly targets: PushTargets;
  readonly #pulled: PulledStreams;

  /** Nothing is sent or pulled before `open` is called. @throws {SluiceError} `relay.url` */
  constructor(parts: Pick<GatewayParts, 'config' | 'clock' | 'logger'>, connections: RelayConnections) {
    this.targets = pushTargets(parts, connections);
    this.#pulled = new PulledStreams(parts, connections);
  }

  get sources(): readonly PullSourceState[] {
    return this.#pulled.sources.list();
  }

  /** @throws {SluiceError} `relay.targets` */
  async open(): Promise<void> {
    await this.targets.open();
    this.#pulled.sources.open();
  }

  /** Somebody asks for this stream. */
  demand(app: string, name: string): void {
    this.#pulled.sources.demand(app, name);
  }

  awaited(access: PlayAccess): PlayAccess {
    return this.#pulled.awaited(access);
  }

  async close(): Promise<void> {
    await Promise.all([this.targets.close(), this.#pulled.sources.close()]);
  }
}

function pushTargets(
  { config, clock, logger }: Pick<GatewayParts, 'config' | 'clock' | 'logger'>,
  { registry, streams, emit, ownPorts }: RelayConnections,
): PushTargets {
  const targets = new PushTargets({
    configured: config.targets,
    hosts: config.relayHosts,
    store: targetStore(config.stateDir),
    streams: { open: (stream, listener) => streams.open(stream, listener), list: () => registry.list() },
    clock,
    logger: limitedLogger(logger.child({ module: 'relay' })),
    ownPorts,
    onState: (target, { app, name, state, lastError }) =>
      emit({
        ...{ type: 'target.changed', app, name, time: clock.wallClock(), target, state },
        ...(lastError &&
          ['backoff', 'failed'].includes(state) && {
            reason: { code: lastError.code, message: lastError.message },
          }),
      }),
  });
  registry.on({ onStart: ({ app, name }) => targets.streamStarted({ app, name }) });
  return targets;
}
