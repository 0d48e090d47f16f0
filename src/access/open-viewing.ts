// Everybody may watch, except from refused addresses. Over HTTP no ticket is needed; RTMP players get a grant, so that operators can list and end
// them.

import type {
  AccessDecision,
  PlayAccess,
  PlayDecision,
  PlayRequest,
  ViewerAccess,
  ViewerRequest,
} from '../contracts/access.js';
import { accessError } from './errors.js';
import { AccessPolicy, banned, type PolicySteps } from './policy/access-policy.js';
import type { Question } from './policy/question.js';
import { deniedError } from './tickets/viewer-tokens.js';

export type OpenSteps = Pick<PolicySteps, 'addresses' | 'bans' | 'grants'>;

export class OpenViewing implements ViewerAccess, PlayAccess {
  readonly isOpen = true;
  readonly #steps: OpenSteps;
  readonly #policy: AccessPolicy;

  constructor(steps: OpenSteps) {
    this.#steps = steps;
    this.#policy = new AccessPolicy({
      ...steps,
      proofs: [{ prove: () => ({ ok: true, covers: true, holder: { proof: 'open' } }) }],
      missing: () => deniedError(),
    });
  }

  enter(request: ViewerRequest): AccessDecision {
    return this.checkTicket(request);
  }

  checkTicket({ app, remoteAddress }: Pick<ViewerRequest, 'app' | 'remoteAddress'>): AccessDecision {
    const { addresses, bans } = this.#steps;
    if (addresses?.allows({ action: 'play', app, remoteAddress }) === false) {
      return { allowed: false, error: deniedError(accessError('access.address', 'this address is refused')) };
    }
    const isBanned = remoteAddress !== undefined && bans.hasAddress('play', remoteAddress);
    return isBanned ? { allowed: false, error: deniedError(banned()) } : { allowed: true };
  }

  async check({
    app,
    name,
    query,
    remoteAddress,
  }: PlayRequest & { readonly query: URLSearchParams }): Promise<PlayDecision> {
    const question: Question = { action: 'play', protocol: 'rtmp', app, name, query, remoteAddress };
    const decision = await this.#policy.decide(question);
    return decision.allowed
      ? { allowed: true, permit: decision.permit }
      : { allowed: false, error: deniedError(decision.error) };
  }
}
