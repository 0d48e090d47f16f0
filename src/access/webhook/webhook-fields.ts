// The fields of a request to a webhook: those of MediaMTX, so that back ends for MediaMTX work unchanged, and some more.

import type { Question } from '../policy/question.js';

const MAX_FIELD = 2_048;
const MAX_AGENT = 256;

export function fieldsOf({ action, protocol, app, name, remoteAddress = '', query, agent = '' }: Question): object {
  const given = (...names: readonly string[]): string => {
    for (const parameter of names) {
      const value = query.get(parameter);
      if (value !== null) return value.slice(0, MAX_FIELD);
    }
    return '';
  };
  return {
    user: given('user'),
    password: given('pass', 'key'),
    token: given('token', 'jwt'),
    ip: remoteAddress,
    action: action === 'publish' ? 'publish' : 'read',
    path: `${app}/${name}`,
    protocol,
    id: null,
    query: String(query).slice(0, MAX_FIELD),
    userAgent: agent.slice(0, MAX_AGENT),
    app,
    name,
  };
}
