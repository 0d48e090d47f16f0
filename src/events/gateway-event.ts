// All events of streams, as one closed union for everybody who listens.
import type { GrantHolder } from '../contracts/grant.js';
import type { PushState } from '../contracts/relay.js';
import type { EpochMilliseconds } from '../protocols/units.js';

/** Why a publisher or a stream was ended: a code of docs/errors.md and a sentence. */
export interface EventReason {
  readonly code: string;
  readonly message: string;
}

interface NamedEvent {
  readonly app: string;
  /** Public name of the stream. */
  readonly name: string;
  /** Unix time in milliseconds. */
  readonly time: EpochMilliseconds;
}

interface PublisherEvent extends NamedEvent {
  /** IP address of the publisher. */
  readonly remoteAddress: string;
  /** The grant with which it publishes; undefined if the program decides. */
  readonly grantId?: string;
  /** The key, user, JWT or webhook that allowed it. */
  readonly holder?: GrantHolder;
}

/** A publisher was accepted, or has left. Every accepted publish causes exactly one of each. */
export interface PublishStarted extends PublisherEvent {
  readonly type: 'publish.started';
}

export interface PublishEnded extends PublisherEvent {
  readonly type: 'publish.ended';
  /** Undefined if the publisher itself has ended the stream. */
  readonly reason: EventReason | undefined;
}

/** The key of a publisher expires within a day, and the publisher is then ended. Sent once for each publisher. */
export interface PublishExpiring extends PublisherEvent {
  readonly type: 'publish.expiring';
  readonly until: EpochMilliseconds;
}

/** The stream has media: its playlists exist, and the first part follows. */
export interface StreamStarted extends NamedEvent {
  readonly type: 'stream.started';
  readonly renditions: readonly string[];
}

/** The publisher has left, and the playlists wait for its return. */
export interface StreamResuming extends NamedEvent {
  readonly type: 'stream.resuming';
}

/** A publisher came back within `resumeWindow`: the same playlists continue after a discontinuity. */
export interface StreamResumed extends NamedEvent {
  readonly type: 'stream.resumed';
  readonly renditions: readonly string[];
}

/** The publisher changed its codec, its picture size or its clock. */
export interface StreamChanged extends NamedEvent {
  readonly type: 'stream.changed';
  readonly renditions: readonly string[];
}

/** The last playlist has ended. Follows every `stream.started` exactly once. */
export interface StreamEnded extends NamedEvent {
  readonly type: 'stream.ended';
}

/**
 * An event of a recording of a stream. There is exactly one `recording.started` and one `recording.finished`, unless the process is killed. A clip
 * has only `recording.clipped`.
 */
export interface RecordingEvent extends NamedEvent {
  readonly type:
    | 'recording.started'
    | 'recording.paused'
    | 'recording.resumed'
    | 'recording.finished'
    | 'recording.clipped'
    | 'recording.removed';
  /** Its id. */
  readonly recording: string;
}

/** A push target has changed its state for a stream. */
export interface PushTargetEvent extends NamedEvent {
  readonly type: 'target.changed';
  /** Its id. */
  readonly target: string;
  readonly state: PushState;
  /** Why it is in `backoff` or `failed`. */
  readonly reason?: EventReason;
}

export type GatewayEvent =
  | PublishStarted
  | PublishEnded
  | PublishExpiring
  | StreamStarted
  | StreamResuming
  | StreamResumed
  | StreamChanged
  | StreamEnded
  | RecordingEvent
  | PushTargetEvent;

export type GatewayEventType = GatewayEvent['type'];
