// The access policy as servers use it: whether a peer may connect, publish or play. Queries hold secrets: use them only during the call,
// and never log or keep them.

import type { SluiceError } from '../protocols/errors.js';
import type { Grant, GrantProtocol, Permit } from './grant.js';

export interface ConnectRequest {
  /** Query parameters of application and tcUrl, including those of a challenge. */
  readonly query: URLSearchParams;
  /** Name and version of the encoder or player, as sent. */
  readonly flashVer?: string | undefined;
  /** IP address, never a host name. */
  readonly remoteAddress: string;
}

export type ConnectDecision =
  /** If `user` is set, the connection belongs to this user from now on. */
  | { readonly allowed: true; readonly user?: string }
  /** The message is sent to the peer unchanged. `asked` is true if the peer did nothing wrong but must reconnect with credentials. */
  | { readonly allowed: false; readonly error: SluiceError; readonly asked: boolean };

export interface PublishRequest {
  /** Canonical application name, `live` or `live/room`. */
  readonly app: string;
  /** Public stream name, without its query. */
  readonly name: string;
  /** IP address, never a host name. */
  readonly remoteAddress: string;
  /** Set once the policy has allowed the request. The grant has the same name. */
  readonly grant?: Grant | undefined;
}

export interface PlayRequest {
  /** Canonical application name. */
  readonly app: string;
  /** Public stream name, without its query. */
  readonly name: string;
  /** IP address, never a host name. */
  readonly remoteAddress: string;
}

export type AccessDecision = { readonly allowed: true } | { readonly allowed: false; readonly error: SluiceError };

export type PublishDecision =
  /** The public name is in the grant; it may differ from the requested one. */
  { readonly allowed: true; readonly permit?: Permit } | { readonly allowed: false; readonly error: SluiceError };

/** The credentials of a publisher. */
export interface PublishProofs {
  /** Query parameters of the stream name. */
  readonly query: URLSearchParams;
  /** The user of the connection, if it was authenticated at connect. */
  readonly user?: string | undefined;
  /** Name and version of the encoder, as sent. */
  readonly encoder?: string | undefined;
}

/** Decides who may publish. Called once per publish request, before admission; the publisher gets no answer until the promise settles. */
export interface PublishAccess {
  /** A rejected promise counts as a refusal. */
  check(request: PublishRequest & PublishProofs): Promise<PublishDecision>;
  /** Called when a peer connects, including players; if absent, all may connect. A rejected promise counts as a refusal. */
  connect?(request: ConnectRequest): Promise<ConnectDecision>;
}

export type PlayDecision =
  | {
      readonly allowed: true;
      readonly permit?: Permit;
      /** Called from time to time while the player watches; if it is absent, the first decision stays in force. Must not throw. */
      readonly stillAllowed?: () => AccessDecision;
    }
  | { readonly allowed: false; readonly error: SluiceError };

/** Decides who may watch. The player gets no answer until the promise settles. */
export interface PlayAccess {
  /** A rejected promise counts as a refusal. */
  check(request: PlayRequest & { readonly query: URLSearchParams }): Promise<PlayDecision>;
}

/** A stream as URLs name it. */
export interface StreamName {
  readonly app: string;
  readonly name: string;
}

/** A request of a viewer over HTTP. */
export interface ViewerRequest extends StreamName {
  readonly protocol: GrantProtocol;
  /** IP address; undefined for a trusted proxy that does not name its client. */
  readonly remoteAddress: string | undefined;
  readonly userAgent: string | undefined;
}

export type EntryDecision =
  | {
      readonly allowed: true;
      /** A path segment, beginning with `~`, for all later requests of this viewer. Undefined if they need none. */
      readonly ticket?: string | undefined;
      /** Maximum height of the picture for this viewer, in lines. */
      readonly maxHeight?: number | undefined;
    }
  | { readonly allowed: false; readonly error: SluiceError };

/** A viewer session that was ended before it expired. */
export interface EndedSession {
  readonly sid: string;
  /** The session stays ended until this time, in seconds since 1970. */
  readonly until: number;
}

export type TicketDecision =
  /** `maxHeight`: as at the entry. */
  | { readonly allowed: true; readonly maxHeight?: number | undefined }
  | { readonly allowed: false; readonly error: SluiceError };

/**
 * Decides who may watch over HTTP, where each request is decided on its own. A refusal with the code `access.play-required` means that the
 * request had no proof at all. After a refusal of the kind `limit` or `unavailable` the viewer may try again. Neither method throws, and no
 * promise is rejected.
 */
export interface ViewerAccess {
  /** True if viewers need no token: only some addresses are refused. */
  readonly isOpen?: boolean;
  /** True while nobody at all is refused, so that requests need no check. */
  readonly refusesNobody?: boolean;
  /** Exchanges the proof of a viewer for a ticket. */
  enter(request: ViewerRequest, token: string | undefined): EntryDecision | Promise<EntryDecision>;
  /** Whether a request beyond the entry may be answered: its ticket is for this stream and still in force, or it needs none. */
  checkTicket(request: ViewerRequest, ticket: string | undefined): TicketDecision;
  /** Sessions that are refused although their tickets are not over, for edges that check tickets themselves. */
  endedSessions?(): readonly EndedSession[];
  /**
   * Calls the listener whenever a current viewer may have lost the right to watch, so that waiting requests must be checked again.
   * @param listener must not throw. @returns a function that removes it
   */
  onBanned?(listener: () => void): () => void;
}
