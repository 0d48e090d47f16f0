// The access policy as servers use it: whether a peer may connect, publish or play. Queries hold secrets: use them only during the call,
// and never log or keep them.

import type { SluiceError } from '../protocols/errors.js';

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

/** The credentials of a publisher. */
export interface PublishProofs {
  /** Query parameters of the stream name. */
  readonly query: URLSearchParams;
  /** The user of the connection, if it was authenticated at connect. */
  readonly user?: string | undefined;
}

/** Decides who may publish. Called once per publish request, before admission; the publisher gets no answer until the promise settles. */
export interface PublishAccess {
  /** A rejected promise counts as a refusal. */
  check(request: PublishRequest & PublishProofs): Promise<AccessDecision>;
  /** Called when a peer connects, including players; if absent, all may connect. A rejected promise counts as a refusal. */
  connect?(request: ConnectRequest): Promise<ConnectDecision>;
}

export type PlayDecision =
  | {
      readonly allowed: true;
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

export type EntryDecision =
  | {
      readonly allowed: true;
      /** A path segment for all later requests of this viewer. It begins with `~`. */
      readonly ticket: string;
    }
  | { readonly allowed: false; readonly error: SluiceError };

/**
 * Decides who may watch over HTTP, where each request is decided on its own. A refusal with the code `access.play-required` means that the
 * request had no token at all. Neither method throws.
 */
export interface ViewerAccess {
  /** Exchanges the token of a viewer for a ticket. */
  exchangeToken(stream: StreamName, token: string | undefined): EntryDecision;
  /** Whether a ticket is for this stream and has not expired. */
  checkTicket(stream: StreamName, ticket: string): AccessDecision;
}
