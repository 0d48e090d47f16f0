// The publish key and the users of the configuration.

import { accessError } from './errors.js';
import type { Disproven, Proof } from './policy/question.js';
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

/** One text for every cause, so that nobody learns which applications and users exist. */
export const DENIED =
  'publishing was denied: check the application in the server URL, and the stream key NAME?key=SECRET or the user and password';

const WRONG_PASSWORD: Disproven = {
  ok: false,
  error: accessError('access.publish-denied', DENIED),
  isGuess: true,
};
const REMOVED_USER: Disproven = {
  ok: false,
  error: accessError('access.revoked', 'the user was removed'),
  isGuess: false,
};

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
      if (user === undefined)
        return claimed !== null && users.has(claimed) && query.has(PASSWORD_PARAMETER) ? WRONG_PASSWORD : undefined;
      if (!users.has(user)) return REMOVED_USER;
      return { ok: true, covers: users.mayPublish(user, app, name), holder: { proof: 'user', id: user } };
    },
  };
}
