// What a server session tells the program around it; everything else of the protocol stays inside.

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

/** The peer has named its application. It is told yes unless `rejectConnect` is called before the next event is taken. */
export interface ConnectedEvent {
  readonly type: 'connected';
  /** Canonical, see `canonicalApp`. */
  readonly app: string;
  /** As sent. May hold a secret in its query. */
  readonly tcUrl?: string;
  /** Decoded parameters of application and tcUrl, see `connectQuery`. May hold secrets. */
  readonly query: URLSearchParams;
  /** As sent: any text of any length. */
  readonly flashVer?: string;
  readonly enhanced: EnhancedCapabilities;
}

/** Answer with `accept` or `reject`, now or later; nothing is said to the peer before. */
export interface PublishRequestEvent {
  readonly type: 'publish-request';
  readonly messageStreamId: number;
  /** Canonical: `live`, or `live/room` for a path of more than one segment. */
  readonly app: string;
  /** Canonical, without its query. */
  readonly name: string;
  /** Decoded parameters of key, application and tcUrl; the first of these that has a name wins. Holds the secret. */
  readonly query: URLSearchParams;
  /** `live`, `record`, `append`, or whatever the encoder put there; it changes nothing. */
  readonly publishType: string;
}

/** Answer with `acceptPlay`, or with `rejectPlay` or `reject`, now or later; nothing is said to the peer before. */
export interface PlayRequestEvent {
  readonly type: 'play-request';
  readonly messageStreamId: number;
  readonly app: string;
  readonly name: string;
  readonly query: URLSearchParams;
  /** As sent, -2 if absent: -2 live or recorded, -1 live, else a position. Players send thousandths: -2000, -1000. */
  readonly start: number;
  /** As sent, -1 if absent: to the end. */
  readonly duration: number;
  /** The player wants what it played before on this message stream flushed. */
  readonly reset: boolean;
}

/**
 * Only between an accepted play and its end. The peer has been answered. While paused `sendMedia` sends no frames, and
 * afterwards none before a key frame: an application may go on sending, or stop reading its stream meanwhile.
 */
export interface PauseEvent {
  readonly type: 'pause';
  readonly messageStreamId: number;
  readonly paused: boolean;
  /** Where the player says that it stands. */
  readonly position: Milliseconds;
}

/** Exactly once for each accepted play, also before `closed` and after `endPlay`. */
export interface StopPlayEvent {
  readonly type: 'stop-play';
  readonly messageStreamId: number;
}

/** Only between an accepted publish and its end. */
export interface MediaEvent {
  readonly type: 'media';
  readonly messageStreamId: number;
  readonly kind: 'audio' | 'video' | 'script';
  /** u32 as on the wire: it wraps, and it may jump. */
  readonly timestamp: Milliseconds;
  /** Body of an FLV tag, never empty, memory of its own. `script` starts with the AMF0 string "onMetaData". */
  readonly body: Buffer;
}

/** Exactly once for each accepted publish. */
export interface UnpublishEvent {
  readonly type: 'unpublish';
  readonly messageStreamId: number;
}

/** The last event. Send what `takeOutput` still has, then close the socket. */
export interface ClosedEvent {
  readonly type: 'closed';
  /** Set when the peer broke the protocol, its limits or its names. */
  readonly error?: SluiceError;
}
