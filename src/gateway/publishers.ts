// The default publish policy from the configuration, and the events about publishers.
import { createPublishAccess, type PublishAccessPolicy } from '../access/publish-access.js';
import type { PublishRequest } from '../contracts/access.js';
import type { Grant } from '../contracts/grant.js';
import type { GatewayEvent, PublishExpiring, PublishStarted } from '../events/gateway-event.js';
import type { Clock } from '../protocols/clock.js';
import { FailureDomain } from '../protocols/failure-domain.js';
import type { EpochMilliseconds, Milliseconds } from '../protocols/units.js';
import type { PublishObserver } from '../servers/rtmp/publishing.js';
import type { GatewayParts } from './parts.js';

/** Time between two such log lines: a persistent encoder tries again every few seconds. */
const UNANSWERED_INTERVAL: Milliseconds = 60_000;

export function keyAndUsers({ config, key, logger, clock, access, publishers }: GatewayParts): PublishAccessPolicy {
  const domain = new FailureDomain('access', ({ where, cause }) =>
    logger.error({ module: 'access', where, err: cause }, 'internal error: encoders that gave up are no longer logged'),
  );
  let lastTold: Milliseconds | undefined;
  const onUnanswered = (peer: string): void => {
    if (lastTold !== undefined && clock.now() - lastTold < UNANSWERED_INTERVAL) return;
    lastTold = clock.now();
    logger.info({ module: 'access', peer, code: 'access.authentication' }, unansweredText(key !== null));
  };
  return createPublishAccess({
    key,
    apps: config.apps,
    users: publishers.users,
    proofs: publishers.proofs,
    isOpen: publishers.isOpen,
    steps: { grants: access.grants, bans: access.bans, addresses: access.addresses },
    challenge: config.userChallenge === 'on',
    freeFailures: config.freeFailures,
    maxDelay: config.maxFailureDelay * 1000,
    // Called from a timer.
    onUnanswered: domain.guard('encoder gave up', onUnanswered),
  });
}

function unansweredText(hasKey: boolean): string {
  const what = 'an encoder was asked for a user, because users are configured, and gave up';
  if (!hasKey) return `${what}: turn on "Use authentication" in it`;
  return `${what}: turn on "Use authentication" in it, or, if it has the publish key, write the key into its server URL (rtmp://HOST/APP?key=SECRET, stream key NAME), or set userChallenge to off`;
}

export function publishEvents(clock: Clock, emit: (event: GatewayEvent) => void): PublishObserver {
  return {
    onStart: (request) => emit({ type: 'publish.started', time: clock.wallClock(), ...publisher(request) }),
    onEnd: (request, reason) =>
      emit({
        type: 'publish.ended',
        time: clock.wallClock(),
        ...publisher(request),
        reason: reason && { code: reason.code, message: reason.message },
      }),
  };
}

export function publishExpiring(clock: Clock, grant: Grant, until: EpochMilliseconds): PublishExpiring {
  const { id: grantId, app, name, holder, remoteAddress = '' } = grant;
  return { type: 'publish.expiring', time: clock.wallClock(), app, name, remoteAddress, grantId, holder, until };
}

function publisher({ app, name, remoteAddress, grant }: PublishRequest): Omit<PublishStarted, 'type' | 'time'> {
  return { app, name, remoteAddress, ...(grant && { grantId: grant.id, holder: grant.holder }) };
}
