// A proof of viewers from elsewhere, a JWT or a webhook, which knows nothing of the sessions that we have revoked.

import type { Disproven, Proof, Proven, Question } from './policy/question.js';
import type { ViewerTokens } from './tickets/viewer-tokens.js';

/** Refuses whoever is in a revoked session, although the proof itself is still good. */
export class RevocableProof implements Proof {
  readonly #proof: Proof;
  readonly #tokens: Pick<ViewerTokens, 'checkSession'>;

  constructor(proof: Proof, tokens: Pick<ViewerTokens, 'checkSession'>) {
    this.#proof = proof;
    this.#tokens = tokens;
  }

  async prove(question: Question, grantId: string): Promise<Proven | Disproven | undefined> {
    const proven = await this.#proof.prove(question, grantId);
    if (proven?.ok !== true || proven.session === undefined) return proven;
    const error = this.#tokens.checkSession(proven.session);
    if (error === undefined) return proven;
    proven.onClosed?.(grantId, { reason: error });
    return { ok: false, error, isGuess: false };
  }
}
