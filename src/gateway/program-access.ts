// The decisions of the program that embeds the gateway: it may take over who publishes and who watches.

import type { Logger } from 'pino';
import type { PublishAccessPolicy } from '../access/publish-access.js';
import type { AccessDecision, PlayAccess } from '../contracts/access.js';
import { gatewayError } from './errors.js';

/** Who wants to publish or to watch what. */
export interface AccessRequest {
  /** The application of the server URL. */
  readonly app: string;
  /** The public name of the stream. */
  readonly name: string;
  /** Parameters behind the name: `NAME?token=…`. They may hold secrets. */
  readonly query: URLSearchParams;
  /** IP address of the peer. */
  readonly remoteAddress: string;
}

/** True lets the peer in. False, or a text for the person in front of the encoder, refuses it. */
export type AccessVerdict = boolean | string;

/**
 * A decision of the program's own. It may take as long as the option `publishTimeout`; what it throws counts as a refusal, is
 * logged with its stack, and is not shown to the peer.
 */
export type Authorize = (request: AccessRequest) => AccessVerdict | Promise<AccessVerdict>;

/** OBS shows one short line. */
const MAX_REASON = 120;

/** Asks the program in place of key and users; an application that is not one of `apps` is refused without asking. */
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
