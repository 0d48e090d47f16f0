// What the RTMP server needs from the rest of the gateway: someone who decides who may publish, and somewhere to put the media.

import type { SluiceError } from '../../protocols/errors.js';
import type { Milliseconds } from '../../protocols/units.js';

export interface PublishRequest {
  /** Canonical application name, `live` or `live/room`. */
  readonly app: string;
  /** Public stream name, without its query. */
  readonly name: string;
  /** IP address of the publisher, never a host name. */
  readonly remoteAddress: string;
}

export type PublishDecision = { readonly allowed: true } | { readonly allowed: false; readonly error: SluiceError };

export interface ConnectRequest {
  /** Parameters of application and tcUrl. Holds secrets: it is for this call only. */
  readonly query: URLSearchParams;
  /** What the encoder or player calls itself, as sent. */
  readonly flashVer?: string | undefined;
  readonly remoteAddress: string;
}

export type ConnectDecision =
  /** `user`: whose connection this is from now on. */
  | { readonly allowed: true; readonly user?: string }
  /** The message goes to the peer as it is. `asked`: it has done nothing wrong, it was asked to connect again with more. */
  | { readonly allowed: false; readonly error: SluiceError; readonly asked: boolean };

/** Decides who may publish. Asked once per publish request, before admission; nothing is answered to the publisher until it settles. */
export interface PublishAccess {
  /** `query` holds the secret: it is for this call only and is never logged or kept. A rejected promise counts as a refusal. */
  check(
    request: PublishRequest & { readonly query: URLSearchParams; readonly user?: string | undefined },
  ): Promise<PublishDecision>;
  /** Asked when a peer connects, players included; without it all may. A rejected promise counts as a refusal. */
  connect?(request: ConnectRequest): Promise<ConnectDecision>;
}

/** Hears of each accepted publish exactly once that it started and once that it ended, and of no refused one (A8.04). */
export interface PublishObserver {
  onStart?(request: PublishRequest): void;
  /** Without a reason the publisher ended by itself. */
  onEnd?(request: PublishRequest, reason: SluiceError | undefined): void;
}

/** Gives a name to a publisher. */
export interface PublishAdmission {
  /** @throws {SluiceError} `live.name-taken` when the name is busy, kind `limit` when the gateway is full, any other kind when it cannot serve. */
  claim(request: PublishRequest): PublishTarget;
}

export type PublishKind = 'audio' | 'video' | 'script';

/** Where one accepted publisher's media goes, from claim to end. */
export interface PublishTarget {
  /**
   * One message in order of arrival; `timestamp` is the u32 from the wire, `body` belongs to the target from here on.
   * @throws {SluiceError} when the media cannot be served: the publisher is rejected with that message as its reason.
   */
  publish(kind: PublishKind, timestamp: Milliseconds, body: Buffer): void;
  /** Called exactly once per claim, whatever happened; without a reason the publisher ended by itself. */
  end(reason?: SluiceError): void;
  /** Registers the one listener that the target calls to get rid of this publisher (takeover, operator, failed transcoder). */
  onKick?(listener: (reason: SluiceError) => void): void;
}

/** The part of a pino logger that this room uses. */
export interface RtmpLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
