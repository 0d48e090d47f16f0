// What push targets and pull sources need from the other parts of the gateway.

import type { PushTargetEvent } from '../events/gateway-event.js';
import type { Origin } from '../hls/origin/origin.js';
import type { StreamRegistry } from '../live/registry.js';
import type { RelayedStreams } from '../relay/stream-source.js';
import type { PublishAdmission, PublishObserver } from '../servers/rtmp/publishing.js';
import type { HeldStreams } from './rtmp-players.js';

export interface RelayConnections {
  readonly registry: Pick<StreamRegistry, 'on' | 'list' | 'get'>;
  readonly streams: Pick<RelayedStreams, 'open'> & Pick<HeldStreams, 'isPlayed'>;
  readonly admission: PublishAdmission;
  readonly observer: PublishObserver;
  readonly origin: Pick<Origin, 'starting' | 'presentation'>;
  readonly emit: (event: PushTargetEvent) => void;
  /** Ports on which this gateway takes RTMP. */
  readonly ownPorts: () => readonly number[];
}
