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
import type { AddressRules } from './policy/address-rules.js';
import type { Bans } from './policy/bans.js';
import type { Question } from './policy/question.js';
import { deniedError } from './tickets/viewer-tokens.js';

export interface OpenSteps extends Pick<PolicySteps, 'grants'> {
  readonly addresses?: Pick<AddressRules, 'allows' | 'has'> | undefined;
  readonly bans: Pick<Bans, 'hasAddress' | 'hasHolder' | 'onAdded' | 'list' | 'size'>;
}

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

  get refusesNobody(): boolean {
    const { addresses, bans } = this.#steps;
    return bans.size === 0 && addresses?.has('play') !== true;
  }

  onBanned(listener: () => void): () => void {
    return this.#steps.bans.onAdded(listener);
  }

  enter(request: ViewerRequest): AccessDecision {
    return this.checkTicket(request);
  }

  checkTicket({ remoteAddress }: Pick<ViewerRequest, 'remoteAddress'>): AccessDecision {
    const { addresses, bans } = this.#steps;
    if (addresses?.allows({ action: 'play', remoteAddress }) === false) {
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
