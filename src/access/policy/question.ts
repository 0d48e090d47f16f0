// What the policy is asked, and what a way of proving something answers.

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
  /** The user as which an RTMP connection was authenticated. */
  readonly user?: string | undefined;
  /** Name of the encoder or player, as sent. */
  readonly agent?: string | undefined;
}

export interface Proven {
  readonly ok: true;
  readonly holder: GrantHolder;
  /** Whether what was proved allows this action on this stream. */
  readonly covers: boolean;
  readonly until?: EpochMilliseconds | undefined;
  /** The public name, if it differs from the one that was asked for. */
  readonly name?: string | undefined;
  readonly options?: GrantOptions | undefined;
  /** For viewers: the session that a ticket will stand for. */
  readonly session?: Ticket | undefined;
  /** For viewers: the ticket is for every stream of the application. */
  readonly isForApp?: boolean | undefined;
  /** Called once when the grant is over, or was not used. */
  readonly onClosed?: ((grantId: string, use: GrantUse) => void) | undefined;
}

export interface Disproven {
  readonly ok: false;
  readonly error: SluiceError;
  /** True if somebody may be guessing: the refusal is delayed, and counted against the address. */
  readonly isGuess: boolean;
}

/** One way of proving something. */
export interface Proof {
  /**
   * @param grantId the id that the grant will have
   * @returns undefined if the request brings nothing that this proof can judge: the next one is asked
   */
  prove(question: Question, grantId: string): Proven | Disproven | undefined | Promise<Proven | Disproven | undefined>;
}
