// The policy for watching over RTMP.

import { OpenViewing } from '../access/open-viewing.js';
import type { PlayAccess } from '../contracts/access.js';
import type { GatewayParts } from './parts.js';
import { type Authorize, programPlayAccess } from './program-access.js';

/** The embedding program decides, or otherwise the same policy as over HTTP. */
export function playAccess({ viewers, access, logger }: GatewayParts, authorize: Authorize | undefined): PlayAccess {
  if (authorize !== undefined) return programPlayAccess(authorize, logger);
  return viewers?.access ?? new OpenViewing(access);
}
