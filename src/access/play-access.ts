// Who may watch over RTMP: everyone, because names are public. The question is asked all the same, so that an answer can be put here.

import type { PlayAccess } from '../contracts/access.js';

export function openPlayAccess(): PlayAccess {
  return { check: async () => ({ allowed: true }) };
}
