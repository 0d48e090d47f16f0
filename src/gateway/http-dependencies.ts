// The dependencies of the HTTP servers: options of the configuration, and the parts of the gateway that they show.

import { OpenViewing } from '../access/open-viewing.js';
import type { DashOrigin, HlsOrigin, HttpDependencies } from '../servers/http/dependencies.js';
import type { GatewayParts } from './parts.js';

export interface ServedGateway
  extends Required<Pick<HttpDependencies, 'health' | 'rtmpPort' | 'metrics' | 'thumbnails'>> {
  readonly origin: HlsOrigin;
  readonly dash: DashOrigin;
  readonly directory: HttpDependencies['streams'];
}

export function httpDependencies(
  { config, key, access, viewers, recording, events }: GatewayParts,
  { directory, ...parts }: ServedGateway,
): HttpDependencies {
  const { edgeSecrets: secrets, edgeOnly } = config;
  const edges = secrets.length === 0 ? undefined : { secrets, only: edgeOnly === 'on' };
  return {
    ...parts,
    streams: directory,
    access: viewers?.access ?? new OpenViewing(access),
    edges,
    recordings: recording,
    events,
    targetDuration: Math.ceil(config.segmentDuration),
    publishApp: config.apps[0],
    publishProof: config.users.length > 0 ? 'user' : key === null ? 'none' : 'key',
    publicUrl: config.publicUrl,
    embedFrameAncestors: config.frameAncestors.join(' '),
    maxWaiters: config.maxWaiters,
    maxWaitersPerIp: config.maxWaitersPerIp,
    maxUnreadBytes: config.maxUnreadBytes,
    maxUnreadBytesPerIp: config.maxUnreadBytesPerIp,
    trustedProxies: config.trustedProxies,
    metricsPolicy: config.metrics,
  };
}
