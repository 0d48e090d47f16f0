// The configuration's own answer to who may publish, and what a program hears of publishers.
import { createPublishAccess, type PublishAccessPolicy } from '../access/publish-access.js';
import type { GatewayEvent } from '../events/gateway-event.js';
import type { Clock } from '../protocols/clock.js';
import type { PublishObserver } from '../servers/rtmp/publishing.js';
import type { GatewayParts } from './parts.js';

export function keyAndUsers({ config, key }: GatewayParts): PublishAccessPolicy {
  return createPublishAccess({
    key,
    apps: config.apps,
    users: config.users,
    challenge: config.userChallenge === 'on',
    freeFailures: config.freeFailures,
    maxDelay: config.maxFailureDelay * 1000,
  });
}

export function publishEvents(clock: Clock, emit: (event: GatewayEvent) => void): PublishObserver {
  return {
    onStart: (request) => emit({ type: 'publish.started', time: clock.wallClock(), ...request }),
    onEnd: (request, reason) =>
      emit({
        type: 'publish.ended',
        time: clock.wallClock(),
        ...request,
        reason: reason && { code: reason.code, message: reason.message },
      }),
  };
}
