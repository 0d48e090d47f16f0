// What publishing and watching share of the access policy: grants, sessions of viewers, bans.

import type { Logger } from 'pino';
import { Bans } from '../access/policy/bans.js';
import { grantControl } from '../access/policy/grant-control.js';
import { Grants } from '../access/policy/grants.js';
import { Sessions } from '../access/policy/sessions.js';
import type { GrantControl } from '../contracts/grant.js';
import type { Clock } from '../protocols/clock.js';
import { FailureDomain } from '../protocols/failure-domain.js';

export interface AccessParts {
  readonly grants: Grants;
  readonly sessions: Sessions;
  readonly bans: Bans;
  readonly control: GrantControl;
  close(): void;
}

export function accessParts(logger: Logger, clock: Clock): AccessParts {
  const domain = new FailureDomain('access', ({ where, cause }) =>
    logger.error({ room: 'access', where, err: cause }, 'internal error: a permission may last longer than it should'),
  );
  const ownClock = domain.clock(clock);
  const wallClock = (): number => clock.wallClock();
  const grants = new Grants(ownClock);
  const sessions = new Sessions(ownClock);
  const bans = new Bans(wallClock);
  return {
    grants,
    sessions,
    bans,
    control: grantControl({ grants, sessions, bans, wallClock }),
    close: () => {
      sessions.close();
      grants.close();
      domain.close();
    },
  };
}
