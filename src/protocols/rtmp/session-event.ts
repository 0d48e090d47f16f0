// The events that a server session reports. All other parts of the protocol stay inside it.

import type { SluiceError } from '../errors.js';
import type { Milliseconds } from '../units.js';
import type { EnhancedCapabilities } from './commands.js';

export type SessionEvent =
  | ConnectedEvent
  | PublishRequestEvent
  | PlayRequestEvent
  | PauseEvent
  | StopPlayEvent
  | MediaEvent
  | UnpublishEvent
  | ClosedEvent;

/**
 * The peer has named its application. The connect is answered with success unless `rejectConnect` is called before the next event is taken.
 */
export interface ConnectedEvent {
  readonly type: 'connected';
  /** Canonical, see `canonicalApp`. */
  readonly app: string;
  /** As sent. Its query may hold a secret. */
  readonly tcUrl?: string;
  /** Decoded parameters of application and tcUrl, see `connectQuery`. May hold secrets. */
  readonly query: URLSearchParams;
  /** As sent: any text of any length. */
  readonly flashVer?: string;
  readonly enhanced: EnhancedCapabilities;
}

/** Answer with `accept` or `reject`, now or later. The peer gets no answer before. */
export interface PublishRequestEvent {
  readonly type: 'publish-request';
  readonly messageStreamId: number;
  /** Canonical: `live`, or `live/room` for a path of more than one segment. */
  readonly app: string;
  /** Canonical, without its query. */
  readonly name: string;
  /** Decoded parameters of key, application and tcUrl. If several have a parameter, the first in this order counts. Contains the secret. */
  readonly query: URLSearchParams;
  /** `live`, `record`, `append`, or anything else that the encoder sent; it has no effect. */
  readonly publishType: string;
}

/** Answer with `acceptPlay`, or with `rejectPlay` or `reject`, now or later. The peer gets no answer before. */
export interface PlayRequestEvent {
  readonly type: 'play-request';
  readonly messageStreamId: number;
  readonly app: string;
  readonly name: string;
  readonly query: URLSearchParams;
  /** As sent; -2 if absent. -2: live or recorded, -1: live, otherwise a position in seconds. Players send milliseconds: -2000, -1000. */
  readonly start: number;
  /** As sent. -1 if absent, which means up to the end. */
  readonly duration: number;
  /** Whether the player wants to flush what it played before on this message stream. */
  readonly reset: boolean;
}

/**
 * Occurs only between an accepted play and its end. The peer has already been answered. During a pause, `sendMedia` skips frames; after it,
 * also those before the next key frame. So an application may go on sending, or stop reading its stream during the pause.
 */
export interface PauseEvent {
  readonly type: 'pause';
  readonly messageStreamId: number;
  readonly paused: boolean;
  /** The position that the player reports. */
  readonly position: Milliseconds;
}

/** Occurs exactly once for each accepted play, also before `closed` and after `endPlay`. */
export interface StopPlayEvent {
  readonly type: 'stop-play';
  readonly messageStreamId: number;
}

/** Occurs only between an accepted publish and its end. */
export interface MediaEvent {
  readonly type: 'media';
  readonly messageStreamId: number;
  readonly kind: 'audio' | 'video' | 'script';
  /** u32 as on the wire: it wraps, and it may jump. */
  readonly timestamp: Milliseconds;
  /** Body of an FLV tag, never empty, not shared. `script` starts with the AMF0 string "onMetaData". */
  readonly body: Buffer;
}

/** Occurs exactly once for each accepted publish. */
export interface UnpublishEvent {
  readonly type: 'unpublish';
  readonly messageStreamId: number;
}

/** The last event. Write what `takeOutput` still returns, then close the socket. */
export interface ClosedEvent {
  readonly type: 'closed';
  /** Set if the peer violated the protocol, its limits or its naming rules. */
  readonly error?: SluiceError;
}
