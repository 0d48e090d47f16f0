// Checks JSON Web Tokens (RFC 7519) that an external login server has issued. Only the configured algorithms are accepted, whatever the header of a
// token says. A token is verified once: a viewer gets a ticket for it, and a publisher is ended when the token expires.

import { createHash } from 'node:crypto';
import { decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { GrantHolder } from '../../contracts/grant.js';
import { SluiceError } from '../../protocols/errors.js';
import type { EpochMilliseconds, Seconds } from '../../protocols/units.js';
import { accessError } from '../errors.js';
import { PASSWORD_PARAMETER } from '../key-and-user-proof.js';
import type { Disproven, Proof, Proven, Question } from '../policy/question.js';
import { TOKEN_PARAMETER } from '../token-proof.js';
import { allows, optionsIn } from './permissions.js';

export interface JwtOptions {
  readonly key: Uint8Array | JWTVerifyGetKey;
  readonly algorithms: readonly string[];
  /** Undefined: not checked. */
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  /** Name of our own claim. */
  readonly claim: string;
  readonly clockSkew: Seconds;
  readonly wallClock: () => EpochMilliseconds;
}

/** Longer tokens are rejected without being parsed. */
const MAX_LENGTH = 8_192;
/** Three parts; the first is JSON, so it begins with `{"`. */
const FORM = /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/;
/** The year 9999: later times cannot be shown, and a ticket has no room for them. */
const LATEST: Seconds = 253_402_300_799;
const JWT_PARAMETER = 'jwt';
const SID = /^[\w-]{1,32}$/;
const HASH_LENGTH = 22;
/** Subjects that are safe to show to operators and in logs. Others are not shown. */
const SUBJECT = /^[\x21-\x7e]{1,64}$/;

export class JwtProof implements Proof {
  readonly #options: JwtOptions;

  constructor(options: JwtOptions) {
    this.#options = options;
  }

  async prove({ action, app, name, query }: Question): Promise<Proven | Disproven | undefined> {
    const token = tokenIn(query, action === 'publish');
    if (token === undefined) return undefined;
    const verified = await this.#verify(token, action === 'play');
    if (!('claims' in verified)) return verified;
    const { claims } = verified;
    const { claim, clockSkew } = this.#options;
    const exp = Math.min(claims.exp ?? 0, LATEST);
    const sid = sessionOf(claims, token);
    return {
      ok: true,
      covers: allows(claims, claim, { action, app, name }),
      holder: holderOf(claims, sid),
      options: optionsIn(claims, claim),
      ...(action === 'publish' ? { until: (exp + clockSkew) * 1000 } : { session: { sid, until: Math.floor(exp) } }),
    };
  }

  async #verify(token: string, isViewer: boolean): Promise<Disproven | { readonly claims: JWTPayload }> {
    const { key, algorithms, issuer, audience, clockSkew, wallClock } = this.#options;
    const options = {
      algorithms: [...algorithms],
      clockTolerance: clockSkew,
      currentDate: new Date(wallClock()),
      requiredClaims: ['exp'],
      ...(issuer !== undefined && { issuer }),
      ...(audience !== undefined && { audience }),
    };
    try {
      const { payload } =
        typeof key === 'function' ? await jwtVerify(token, key, options) : await jwtVerify(token, key, options);
      return { claims: payload };
    } catch (error) {
      if (error instanceof SluiceError) return { ok: false, error, isGuess: false };
      if (!(error instanceof errors.JOSEError) && !(error instanceof TypeError)) throw error;
      if (isViewer && error instanceof errors.JWTExpired) {
        return {
          ok: false,
          error: accessError('access.play-expired', 'the time of this link is over'),
          isGuess: false,
        };
      }
      // The message of the error is left out, because it may quote the token.
      const why = error instanceof errors.JOSEError ? error.code : 'its key does not fit its algorithm';
      return {
        ok: false,
        error: accessError('access.jwt', `the JWT is refused: ${why}`),
        isGuess: true,
        ...(isForeign(token, issuer) && { isForeign: true }),
      };
    }
  }
}

/** Whether a refused token names another issuer than ours. A webhook may know that one. */
function isForeign(token: string, issuer: string | undefined): boolean {
  try {
    return issuer !== undefined && decodeJwt(token).iss !== issuer;
  } catch (error) {
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}

function tokenIn(query: URLSearchParams, isPublisher: boolean): string | undefined {
  const parameters = [TOKEN_PARAMETER, JWT_PARAMETER, ...(isPublisher ? [PASSWORD_PARAMETER] : [])];
  for (const parameter of parameters) {
    const text = query.get(parameter);
    if (text !== null && text.length <= MAX_LENGTH && FORM.test(text)) return text;
  }
  return undefined;
}

/** Everybody who uses the same token is in the same session. */
function sessionOf({ sid, jti }: JWTPayload, token: string): string {
  for (const name of [sid, jti]) if (typeof name === 'string' && SID.test(name)) return name;
  return createHash('sha256').update(token).digest('base64url').slice(0, HASH_LENGTH);
}

function holderOf({ sub }: JWTPayload, sid: string): GrantHolder {
  return { proof: 'jwt', id: typeof sub === 'string' && SUBJECT.test(sub) ? sub : sid };
}
