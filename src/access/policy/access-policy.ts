// The one access policy for all protocols. Its steps always have the same order: addresses, bans, proof, scope, limits, grant. It stops at
// the first refusal.

import type { AccessDecision } from '../../contracts/access.js';
import type { Permit } from '../../contracts/grant.js';
import type { SluiceError } from '../../protocols/errors.js';
import { accessError } from '../errors.js';
import type { Bans } from './bans.js';
import { type Grants, newGrantId, sessionHolder } from './grants.js';
import type { Disproven, Proof, Proven, Question } from './question.js';

export interface PolicySteps {
  /** Undefined if all addresses are allowed. */
  readonly addresses?: { allows(question: Pick<Question, 'action' | 'app' | 'remoteAddress'>): boolean } | undefined;
  readonly bans: Pick<Bans, 'hasAddress' | 'hasHolder' | 'list' | 'onAdded'>;
  /** Asked in order. The first one that recognizes a credential decides, whether it accepts or refuses it. */
  readonly proofs: readonly Proof[];
  /** The error for a request without any proof. */
  readonly missing: (question: Question) => SluiceError;
  /** Whether this name can be served at all, no matter who asks. */
  readonly serves?: ((question: Question) => boolean) | undefined;
  /** Undefined if there are no limits. */
  readonly limits?: { check(question: Question, proven: Proven): AccessDecision } | undefined;
  readonly grants: Grants;
}

export type PolicyDecision =
  | { readonly allowed: true; readonly permit: Permit; readonly proven: Proven }
  | { readonly allowed: false; readonly error: SluiceError; readonly isGuess: boolean };

export class AccessPolicy {
  readonly #steps: PolicySteps;

  constructor(steps: PolicySteps) {
    this.#steps = steps;
  }

  /** Rejects only if a proof rejects. The errors contain the true cause; callers decide what the peer sees. */
  async decide(question: Question): Promise<PolicyDecision> {
    const { addresses, bans, serves, limits, grants } = this.#steps;
    const { action, remoteAddress } = question;
    if (addresses?.allows(question) === false) return refusal(accessError('access.address', 'this address is refused'));
    if (remoteAddress !== undefined && bans.hasAddress(action, remoteAddress)) return refusal(banned());
    const grantId = newGrantId();
    const proven = await this.#prove(question, grantId);
    if (!proven.ok) return { allowed: false, error: proven.error, isGuess: proven.isGuess };
    const refused = ((): SluiceError | undefined => {
      const { holder, session } = proven;
      // A proof may take seconds, and the ban may be newer than the question.
      if (remoteAddress !== undefined && bans.hasAddress(action, remoteAddress)) return banned();
      if (bans.hasHolder(action, holder)) return banned();
      if (session !== undefined && bans.hasHolder(action, sessionHolder(session.sid))) return banned();
      if (!proven.covers || serves?.(question) === false) {
        return accessError('access.scope', 'the proof is right, but does not allow this stream');
      }
      const limited = limits?.check(question, proven);
      return limited?.allowed === false ? limited.error : undefined;
    })();
    if (refused !== undefined) {
      proven.onClosed?.(grantId, { reason: refused });
      return refusal(refused, refused.code === 'access.scope');
    }
    return { allowed: true, proven, permit: grants.issue(grantId, question, proven) };
  }

  async #prove(question: Question, grantId: string): Promise<Proven | Disproven> {
    let first: Proven | Disproven | undefined;
    for (const proof of this.#steps.proofs) {
      const result = await proof.prove(question, grantId);
      // Otherwise a revoked key or an expired JWT could still be accepted by a webhook.
      if (result !== undefined && (result.ok || result.isForeign !== true)) return result;
      first ??= result;
    }
    return first ?? { ok: false, error: this.#steps.missing(question), isGuess: true };
  }
}

export function banned(): SluiceError {
  return accessError('access.banned', 'banned by the operator');
}

function refusal(error: SluiceError, isGuess = false): PolicyDecision {
  return { allowed: false, error, isGuess };
}
