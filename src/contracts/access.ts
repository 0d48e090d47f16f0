// What a server asks before it lets a peer connect, publish or play, and what it is answered. Queries hold secrets: they are for
// the one call, and are never logged or kept.

import type { SluiceError } from '../protocols/errors.js';

export interface ConnectRequest {
  /** Parameters of application and tcUrl, those of a challenge included. */
  readonly query: URLSearchParams;
  /** What the encoder or player calls itself, as sent. */
  readonly flashVer?: string | undefined;
  /** IP address, never a host name. */
  readonly remoteAddress: string;
}

export type ConnectDecision =
  /** With `user` the connection belongs to that user from now on. */
  | { readonly allowed: true; readonly user?: string }
  /** The peer gets the message as it is. `asked`: it did nothing wrong, it was asked to connect again with more. */
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

/** What a publisher proves itself by. */
export interface PublishProofs {
  /** Parameters behind the stream name. */
  readonly query: URLSearchParams;
  /** Who the connection has belonged to since it was made. */
  readonly user?: string | undefined;
}

/** Decides who may publish. Asked once per publish request, before admission; the publisher is answered when it has settled. */
export interface PublishAccess {
  /** A rejected promise counts as a refusal. */
  check(request: PublishRequest & PublishProofs): Promise<AccessDecision>;
  /** Asked when a peer connects, players included; without it all may. A rejected promise counts as a refusal. */
  connect?(request: ConnectRequest): Promise<ConnectDecision>;
}

/** Decides who may watch. The player is answered when it has settled. */
export interface PlayAccess {
  /** A rejected promise counts as a refusal. */
  check(request: PlayRequest & { readonly query: URLSearchParams }): Promise<AccessDecision>;
}
