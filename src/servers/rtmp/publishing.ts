// What the RTMP server needs from other modules to serve publishers: a policy that decides who may publish, and a destination for the media.

import type { PublishRequest } from '../../contracts/access.js';
import type { SluiceError } from '../../protocols/errors.js';
import type { Milliseconds } from '../../protocols/units.js';

/** Learns exactly once that an accepted publish has started, and exactly once that it has ended. Never hears of a refused one. */
export interface PublishObserver {
  onStart?(request: PublishRequest): void;
  /** Without a reason, the publisher itself has ended the stream. */
  onEnd?(request: PublishRequest, reason: SluiceError | undefined): void;
}

/** Assigns a name to a publisher. */
export interface PublishAdmission {
  /**
   * @throws {SluiceError} `live.name-taken` if the name is in use, kind `limit` if the gateway is full, any other kind if the stream cannot
   * be served
   */
  claim(request: PublishRequest): PublishTarget;
}

export type PublishKind = 'audio' | 'video' | 'script';

/** The destination of one accepted publisher's media, from claim to end. */
export interface PublishTarget {
  /**
   * Takes one message in order of arrival. `timestamp` is the u32 from the wire; the target owns `body` from here on.
   * @throws {SluiceError} if the media cannot be served: the publisher is rejected with this message as the reason
   */
  publish(kind: PublishKind, timestamp: Milliseconds, body: Buffer): void;
  /** Called exactly once per claim, whatever happens. Without a reason, the publisher itself has ended the stream. */
  end(reason?: SluiceError): void;
  /** Sets the one listener that the target calls to remove this publisher (takeover, operator, failed transcoder). */
  onKick?(listener: (reason: SluiceError) => void): void;
}
