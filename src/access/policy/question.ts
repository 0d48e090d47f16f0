// The question that the policy answers, and the answers that a kind of proof can give.

import type { GrantAction, GrantHolder, GrantOptions, GrantProtocol, GrantUse } from '../../contracts/grant.js';
import type { SluiceError } from '../../protocols/errors.js';
import type { EpochMilliseconds } from '../../protocols/units.js';
import type { Ticket } from '../tickets/ticket.js';

export interface Question {
  readonly action: GrantAction;
  readonly protocol: GrantProtocol;
  readonly app: string;
  readonly name: string;
  /** IP address; undefined for a viewer behind a proxy that does not name its client. */
  readonly remoteAddress: string | undefined;
  /** Parameters of the stream key, or of a URL. They hold secrets: neither log nor keep them. */
  readonly query: URLSearchParams;
  /** The user of the RTMP connection, if it was authenticated at connect. */
  readonly user?: string | undefined;
  /** Name of the encoder or player, as sent. */
  readonly agent?: string | undefined;
}

export interface Proven {
  readonly ok: true;
  readonly holder: GrantHolder;
  /** Whether the proof allows this action on this stream. */
  readonly covers: boolean;
  readonly until?: EpochMilliseconds | undefined;
  /** The public name, if it differs from the requested one. */
  readonly name?: string | undefined;
  readonly options?: GrantOptions | undefined;
  /** For viewers: the session that the ticket identifies. */
  readonly session?: Ticket | undefined;
  /** For viewers: the ticket is for every stream of the application. */
  readonly isForApp?: boolean | undefined;
  /** Called once when the grant ends, or was not used. */
  readonly onClosed?: ((grantId: string, use: GrantUse) => void) | undefined;
}

export interface Disproven {
  readonly ok: false;
  readonly error: SluiceError;
  /** True if this may be an attempt to guess: the refusal is delayed, and counts as a failure of the address. */
  readonly isGuess: boolean;
  /** True if somebody else issued the credential: the next proof is asked, and this refusal counts only if none accepts. */
  readonly isForeign?: true;
}

/** One kind of proof. */
export interface Proof {
  /**
   * @param grantId the id that the grant will have
   * @returns undefined if the request contains nothing that this proof can judge; then the next proof is asked. A refusal ends the question
   */
  prove(question: Question, grantId: string): Proven | Disproven | undefined | Promise<Proven | Disproven | undefined>;
}
