// Decides who may watch over RTMP. At present everybody may, because names are public; callers ask anyway, so that a policy can be added
// here.

import type { PlayAccess } from '../contracts/access.js';

export function openPlayAccess(): PlayAccess {
  return { check: async () => ({ allowed: true }) };
}
