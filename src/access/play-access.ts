// Everybody may watch over RTMP. Players get a grant all the same, so that operators see and end them.

import type { PlayAccess } from '../contracts/access.js';
import { type Grants, newGrantId } from './policy/grants.js';

export function openPlayAccess(grants: Grants): PlayAccess {
  const proven = { ok: true, covers: true, holder: { proof: 'open' } } as const;
  return {
    check: async ({ app, name, query, remoteAddress }) => {
      const question = { action: 'play', protocol: 'rtmp', app, name, query, remoteAddress } as const;
      return { allowed: true, permit: grants.issue(newGrantId(), question, proven) };
    },
  };
}
