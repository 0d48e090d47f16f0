// The steps of an access policy in which nobody is banned.
import { Bans } from '../../src/access/policy/bans.js';
import { Grants } from '../../src/access/policy/grants.js';
import { Sessions } from '../../src/access/policy/sessions.js';
import type { Clock } from '../../src/protocols/clock.js';
import { systemClock } from '../../src/system-clock.js';

export function policySteps(clock: Clock = systemClock) {
  const bans = new Bans(() => clock.wallClock());
  return { bans, grants: new Grants(clock), sessions: new Sessions(clock) };
}
