// Answers a server that requires a user and a password: `authmod=adobe` and `authmod=llnw`, as FFmpeg, OBS and librtmp do. Each
// step is a new connection, with the answer in the query of the application.

import { createHash, randomBytes } from 'node:crypto';

export interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** The first request, a challenge, or a refusal that another attempt would not change. */
export type AuthStep =
  | { readonly type: 'query'; readonly query: string }
  | { readonly type: 'refused' }
  | { readonly type: 'none' };

const md5 = (...parts: readonly string[]) => createHash('md5').update(parts.join(''));

/**
 * @param description text of the server's rejection of `connect`
 * @param random eight hexadecimal digits
 */
export function answerAuthentication(
  description: string,
  app: string,
  { name, password }: Credentials,
  random: string = randomBytes(4).toString('hex'),
): AuthStep {
  const [, mode] = /authmod=(adobe|llnw)/.exec(description) ?? [];
  if (mode === undefined) return { type: 'none' };
  if (/code=403 need auth/.test(description)) return { type: 'query', query: `authmod=${mode}&user=${name}` };
  const challenge = new URLSearchParams(description.slice(description.indexOf('?') + 1).replaceAll('+', '%2B'));
  if (challenge.get('reason') !== 'needauth') return { type: 'refused' };
  const get = (key: string) => challenge.get(key)?.trim() ?? '';
  if (mode === 'adobe') {
    const opaque = get('opaque');
    const salted = md5(name, get('salt'), password).digest('base64');
    const response = md5(salted, opaque === '' ? get('challenge') : opaque, random).digest('base64');
    const suffix = opaque === '' ? '' : `&opaque=${opaque}`;
    return {
      type: 'query',
      query: `authmod=adobe&user=${name}&challenge=${random}&response=${response}${suffix}`,
    };
  }
  const nonce = get('nonce');
  const [path = ''] = app.split('?');
  const instance = path.includes('/') ? path : `${path}/_definst_`;
  const user = md5(name, ':live:', password).digest('hex');
  const request = md5('publish:/', instance).digest('hex');
  const response = md5(user, `:${nonce}:00000001:${random}:auth:`, request).digest('hex');
  const answer = `nonce=${nonce}&cnonce=${random}&nc=00000001&response=${response}`;
  return { type: 'query', query: `authmod=llnw&user=${name}&${answer}` };
}
