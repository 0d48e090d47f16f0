// The parts of the access policy that publishing and watching share: grants, viewer sessions, bans.

import type { Logger } from 'pino';
import { AddressRules } from '../access/policy/address-rules.js';
import { Bans } from '../access/policy/bans.js';
import { grantControl } from '../access/policy/grant-control.js';
import { Grants } from '../access/policy/grants.js';
import { Sessions } from '../access/policy/sessions.js';
import type { Config } from '../config/schema.js';
import type { GrantControl, GrantOptions } from '../contracts/grant.js';
import type { Clock } from '../protocols/clock.js';
import { FailureDomain } from '../protocols/failure-domain.js';

/** The options with which a stream is published. */
export type StreamSettings = (app: string, name: string) => GrantOptions | undefined;

export interface SharedAccess {
  readonly grants: Grants;
  readonly sessions: Sessions;
  readonly bans: Bans;
  readonly control: GrantControl;
  readonly addresses: AddressRules;
  readonly settingsOf: StreamSettings;
  /** The policy is opened before the streams that it asks about. */
  findSettings(find: StreamSettings): void;
}

export function sharedAccess(
  config: Config,
  logger: Logger,
  clock: Clock,
  bans = new Bans(() => clock.wallClock()),
): { readonly shared: SharedAccess; readonly close: () => void } {
  const domain = new FailureDomain('access', ({ where, cause }) =>
    logger.error({ module: 'access', where, err: cause }, 'internal error: a permission may not end when it expires'),
  );
  const ownClock = domain.clock(clock);
  const wallClock = (): number => clock.wallClock();
  const grants = new Grants(ownClock);
  const sessions = new Sessions(ownClock);
  const { publishAllow, publishDeny, playAllow, playDeny } = config;
  const addresses = new AddressRules({
    publish: { allow: publishAllow, deny: publishDeny },
    play: { allow: playAllow, deny: playDeny },
  });
  const control = grantControl({ grants, sessions, bans, wallClock, clockSkew: config.clockSkew });
  let settingsOf: StreamSettings = () => undefined;
  const close = (): void => {
    sessions.close();
    grants.close();
    domain.close();
  };
  const shared: SharedAccess = {
    ...{ grants, sessions, bans, control, addresses },
    settingsOf: (app, name) => settingsOf(app, name),
    findSettings: (find) => {
      settingsOf = find;
    },
  };
  return { shared, close };
}
