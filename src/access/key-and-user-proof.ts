// The publish key and the users of the configuration.

import type { Proof } from './policy/question.js';
import { sameText, type UserDirectory } from './user-directory.js';

/** Query parameters of stream key and server URL: `NAME?key=SECRET`, `NAME?user=USER&pass=PASSWORD`. */
export const KEY_PARAMETER = 'key';
export const USER_PARAMETER = 'user';
export const PASSWORD_PARAMETER = 'pass';

export interface KeyAndUsers {
  /** Null if there is no key. */
  readonly key: string | null;
  readonly users: UserDirectory;
  /** Whether everybody may publish if there are neither keys nor users. */
  readonly isOpen: () => boolean;
}

export function keyAndUserProof({ key, users, isOpen }: KeyAndUsers): Proof {
  return {
    prove({ app, name, query, user: authenticated }) {
      if (key === null && users.isEmpty && isOpen()) return { ok: true, covers: true, holder: { proof: 'open' } };
      if (key !== null && sameText(query.get(KEY_PARAMETER) ?? '', key)) {
        return { ok: true, covers: true, holder: { proof: 'key' } };
      }
      const claimed = query.get(USER_PARAMETER);
      const fits = claimed !== null && users.checkPassword(claimed, query.get(PASSWORD_PARAMETER) ?? '');
      const user = fits ? claimed : authenticated;
      if (user === undefined || !users.has(user)) return undefined;
      return { ok: true, covers: users.mayPublish(user, app, name), holder: { proof: 'user', id: user } };
    },
  };
}
