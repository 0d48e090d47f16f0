// Connects push targets with the live streams, the file of targets, and the events.

import type { PushTargetEvent } from '../events/gateway-event.js';
import type { StreamRegistry } from '../live/registry.js';
import { PushTargets } from '../relay/push-targets.js';
import type { RelayedStreams } from '../relay/stream-source.js';
import { limitedLogger } from './limited-logger.js';
import type { GatewayParts } from './parts.js';
import { targetStore } from './target-store.js';

export interface RelayConnections {
  readonly registry: Pick<StreamRegistry, 'on' | 'list'>;
  readonly streams: Pick<RelayedStreams, 'open'>;
  readonly emit: (event: PushTargetEvent) => void;
}

/**
 * Nothing is sent before `open` is called.
 * @param ownPorts ports on which this gateway accepts RTMP
 */
export function pushTargets(
  { config, clock, logger }: Pick<GatewayParts, 'config' | 'clock' | 'logger'>,
  { registry, streams, emit }: RelayConnections,
  ownPorts: () => readonly number[],
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
