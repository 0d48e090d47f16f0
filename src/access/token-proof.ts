// The play token of a viewer, in the query or the Authorization header.

import type { Disproven, Proof, Proven, Question } from './policy/question.js';
import type { ViewerTokens } from './tickets/viewer-tokens.js';

export const TOKEN_PARAMETER = 'token';

/** Accepts or refuses every token. */
export class TokenProof implements Proof {
  readonly #tokens: ViewerTokens;

  constructor(tokens: ViewerTokens) {
    this.#tokens = tokens;
  }

  prove(question: Question): Proven | Disproven | undefined {
    const token = question.query.get(TOKEN_PARAMETER) ?? '';
    if (token === '') return undefined;
    const exchanged = this.#tokens.exchangeToken(question, token);
    // A token that was valid once is no guess: its page asks for a new one, and must not be kept waiting.
    if (!exchanged.ok) return { ...exchanged, isGuess: exchanged.error.code !== 'access.play-expired' };
    const { session, isForApp } = exchanged;
    return { ok: true, covers: true, holder: { proof: 'token', id: session.sid }, session, isForApp };
  }
}
