// What the RTMP server needs from the rest of the gateway: someone who decides who may publish, and somewhere to put the media.

import type { PublishRequest } from '../../contracts/access.js';
import type { SluiceError } from '../../protocols/errors.js';
import type { Milliseconds } from '../../protocols/units.js';

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
