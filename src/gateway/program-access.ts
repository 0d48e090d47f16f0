// Lets the embedding program decide who may publish and who may watch.

import type { Logger } from 'pino';
import type { PublishAccessPolicy } from '../access/publish-access.js';
import type { AccessDecision, PlayAccess } from '../contracts/access.js';
import { gatewayError } from './errors.js';

/** A request to publish or to watch a stream. */
export interface AccessRequest {
  /** Application of the server URL. */
  readonly app: string;
  /** Public name of the stream. */
  readonly name: string;
  /** Query parameters of the name: `NAME?token=…`. They may hold secrets. */
  readonly query: URLSearchParams;
  /** IP address of the peer. */
  readonly remoteAddress: string;
}

/** True accepts the peer. False refuses it, and so does a text, which is shown to the person at the encoder. */
export type AccessVerdict = boolean | string;

/**
 * A decision of the embedding program. It may take as long as the option `publishTimeout`. An exception counts as a refusal; it is logged
 * with its stack and not shown to the peer.
 */
export type Authorize = (request: AccessRequest) => AccessVerdict | Promise<AccessVerdict>;

/** Encoders print it as one short line. */
const MAX_REASON = 120;

/** Asks the program instead of checking key and users. An application that is not in `apps` is refused without asking. */
export function programPublishAccess(
  authorize: Authorize,
  apps: readonly string[],
  logger: Logger,
): PublishAccessPolicy {
  const denied = 'publishing was denied';
  return {
    connect: async () => ({ allowed: true }),
    async check({ app, name, query, remoteAddress }) {
      if (!apps.includes(app)) return refusal(`${denied}: check the application in the server URL`);
      return decide(authorize, { app, name, query, remoteAddress }, denied, logger);
    },
  };
}

export function programPlayAccess(authorize: Authorize, logger: Logger): PlayAccess {
  return {
    check: ({ app, name, query, remoteAddress }) =>
      decide(authorize, { app, name, query, remoteAddress }, 'watching was denied', logger),
  };
}

async function decide(
  authorize: Authorize,
  request: AccessRequest,
  denied: string,
  logger: Logger,
): Promise<AccessDecision> {
  try {
    const verdict = await authorize(request);
    if (verdict === true) return { allowed: true };
    return refusal(typeof verdict === 'string' && verdict !== '' ? verdict.slice(0, MAX_REASON) : denied);
  } catch (error) {
    logger.error({ err: error, app: request.app }, "the program's access decision failed: refused");
    return refusal(denied);
  }
}

function refusal(reason: string): AccessDecision {
  return { allowed: false, error: gatewayError('gateway.denied', reason) };
}
