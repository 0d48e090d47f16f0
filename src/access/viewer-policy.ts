// Decides who may watch. Over HTTP each request is independent: the policy is asked at the entry, and its answer is exchanged for a ticket,
// which identifies the session from then on. An RTMP player is asked once, and its grant is watched until it leaves.

import type {
  EndedSession,
  EntryDecision,
  PlayAccess,
  PlayDecision,
  PlayRequest,
  TicketDecision,
  ViewerAccess,
  ViewerRequest,
} from '../contracts/access.js';
import type { GrantHolder } from '../contracts/grant.js';
import type { SluiceError } from '../protocols/errors.js';
import type { Milliseconds } from '../protocols/units.js';
import { accessError } from './errors.js';
import { AccessPolicy, banned, type PolicyDecision, type PolicySteps } from './policy/access-policy.js';
import { sameHolder, sessionHolder } from './policy/grants.js';
import type { Proof, Proven, Question } from './policy/question.js';
import type { SessionStart, Sessions } from './policy/sessions.js';
import { RevocableProof } from './revocable-proof.js';
import { MAX_HEIGHT } from './tickets/play-token.js';
import type { Ticket } from './tickets/ticket.js';
import { deniedError, requiredError, type ViewerTokens } from './tickets/viewer-tokens.js';
import { TOKEN_PARAMETER, TokenProof } from './token-proof.js';
import { WrongProofs } from './wrong-proofs.js';

export interface ViewerPolicyOptions {
  readonly tokens: ViewerTokens;
  readonly steps: Pick<PolicySteps, 'addresses' | 'bans' | 'limits' | 'grants'>;
  readonly sessions: Sessions;
  /** Monotonic clock. */
  readonly now: () => Milliseconds;
  /** Further proofs, asked before the play token. They must prove a session. */
  readonly proofs?: readonly Proof[];
}

const NO_QUERY = new URLSearchParams();

export class ViewerPolicy implements ViewerAccess, PlayAccess {
  readonly #options: ViewerPolicyOptions;
  readonly #policy: AccessPolicy;
  readonly #wrong: WrongProofs;

  constructor(options: ViewerPolicyOptions) {
    const { steps, tokens, proofs = [] } = options;
    this.#options = options;
    this.#wrong = new WrongProofs(options.now);
    this.#policy = new AccessPolicy({
      ...steps,
      proofs: [...proofs.map((proof) => new RevocableProof(proof, tokens)), new TokenProof(tokens)],
      missing: requiredError,
    });
  }

  async enter(request: ViewerRequest, token: string | undefined): Promise<EntryDecision> {
    const query = token === undefined ? NO_QUERY : new URLSearchParams([[TOKEN_PARAMETER, token]]);
    const question: Question = { ...request, action: 'play', query, agent: request.userAgent };
    const decision = await this.#policy.decide(question);
    if (!decision.allowed) return { allowed: false, error: this.#refusal(question, decision) };
    const { permit, proven } = decision;
    const session = sessionOf(proven);
    const { sid, until } = session;
    const { sessions, tokens } = this.#options;
    let isNew = false;
    const start = (): SessionStart => {
      isNew = true;
      const { id, holder, options } = permit.grant;
      const onClosed: SessionStart['onClosed'] = (_, use) => permit.close(use);
      return { ...request, sid, until: until * 1000, holder, options, grantId: id, onClosed };
    };
    sessions.saw(sid, request.app, request.name, start, until * 1000);
    // The session already has a grant.
    if (!isNew) permit.close({ isUnused: true });
    const maxHeight = cappedHeight(session.maxHeight ?? permit.grant.options.maxHeight);
    const ticket = tokens.issueTicket({ ...session, maxHeight }, request, proven.isForApp === true);
    return { allowed: true, ticket, maxHeight };
  }

  checkTicket(request: ViewerRequest, ticket: string | undefined): TicketDecision {
    if (ticket === undefined) return { allowed: false, error: requiredError() };
    const { tokens, sessions, steps } = this.#options;
    const { app, name, remoteAddress } = request;
    const checked = tokens.checkTicket(request, ticket);
    if (!checked.ok) return { allowed: false, error: checked.error };
    const { sid, until, maxHeight } = checked.session;
    const holder = sessionHolder(sid);
    const bannedError = this.#bannedViewer(remoteAddress, holder);
    // Checked before the session is counted; otherwise a banned session would reappear with each request that it still makes.
    if (bannedError !== undefined) return { allowed: false, error: told(bannedError) };
    const start = (): SessionStart => ({ ...request, sid, until: until * 1000, holder });
    const grant = sessions.saw(sid, app, name, start, until * 1000);
    const error =
      steps.addresses?.allows({ action: 'play', app, remoteAddress }) === false
        ? accessError('access.address', 'this address is refused')
        : this.#bannedViewer(undefined, grant.holder);
    return error === undefined ? { allowed: true, maxHeight } : { allowed: false, error: told(error) };
  }

  endedSessions(): readonly EndedSession[] {
    const { tokens, steps } = this.#options;
    const ended = [...tokens.revokedSessions];
    for (const { action = 'play', holder, until } of steps.bans.list()) {
      // A ticket identifies only the session to an edge. Other bans are applied at the entry, and when the gateway checks the ticket itself.
      if (action !== 'play' || holder?.id === undefined || !sameHolder(holder, sessionHolder(holder.id))) continue;
      ended.push({ sid: holder.id, until: Math.ceil(until / 1000) });
    }
    return ended;
  }

  onBanned(listener: () => void): () => void {
    return this.#options.steps.bans.onAdded(listener);
  }

  async check({
    app,
    name,
    query,
    remoteAddress,
  }: PlayRequest & { readonly query: URLSearchParams }): Promise<PlayDecision> {
    const question: Question = { action: 'play', protocol: 'rtmp', app, name, query, remoteAddress };
    const decision = await this.#policy.decide(question);
    if (!decision.allowed) return { allowed: false, error: this.#refusal(question, decision) };
    const { permit, proven } = decision;
    const session = sessionOf(proven);
    const holder = sessionHolder(session.sid);
    return {
      allowed: true,
      permit,
      stillAllowed: () => {
        const { tokens } = this.#options;
        const error = tokens.checkSession(session) ?? this.#bannedViewer(remoteAddress, holder, permit.grant.holder);
        return error === undefined ? { allowed: true } : { allowed: false, error: told(error) };
      },
    };
  }

  #refusal(question: Question, { error, isGuess }: PolicyDecision & { readonly allowed: false }): SluiceError {
    // A viewer without any proof guesses nothing.
    const isCounted = isGuess && error.code !== 'access.play-required';
    const { remoteAddress, app, name } = question;
    return (isCounted ? this.#wrong.record(remoteAddress, `play ${app}/${name}`) : undefined) ?? told(error);
  }

  #bannedViewer(remoteAddress: string | undefined, ...holders: readonly GrantHolder[]): SluiceError | undefined {
    const { bans } = this.#options.steps;
    const isBanned =
      (remoteAddress !== undefined && bans.hasAddress('play', remoteAddress)) ||
      holders.some((holder) => bans.hasHolder('play', holder));
    return isBanned ? banned() : undefined;
  }
}

/** The error that a viewer gets. A viewer who guesses learns nothing; the true cause is in the log. */
function told(error: SluiceError): SluiceError {
  return error.kind !== 'denied' || error.code.startsWith('access.play-') ? error : deniedError(error);
}

function sessionOf({ session, holder }: Proven): Ticket {
  if (session === undefined) throw new TypeError(`the proof of a viewer (${holder.proof}) is not for a session`);
  return session;
}

/** Limits the height to the largest one that a ticket can express. */
function cappedHeight(height: number | undefined): number | undefined {
  return height === undefined ? undefined : Math.min(height, MAX_HEIGHT);
}
