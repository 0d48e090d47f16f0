// What the RTMP server needs from other modules to serve players: a policy that decides who may watch, and the streams.

import type { PlayRequest } from '../../contracts/access.js';
import type { Milliseconds } from '../../protocols/units.js';

/** One message of a live stream. */
export interface PlayItem {
  readonly kind: 'audio' | 'video' | 'script';
  /** Decode time on the stream's own timeline. */
  readonly dts: Milliseconds;
  readonly sequenceHeader: boolean;
  /** Whether this is a data message that belongs to the time `dts`. */
  readonly momentary?: boolean;
  /** Body of an FLV tag, shared with other readers: never modified. */
  readonly body: Buffer;
}

/**
 * The messages of a live stream for one player: metadata and sequence headers, then media from a key frame on. Its memory is bounded: a
 * player that reads too slowly loses its queue up to the next key frame.
 */
export interface PlaySource {
  take(): PlayItem | undefined;
  /** Whether no more messages will be added. Queued messages can still be taken. */
  readonly ended: boolean;
  /** Messages dropped because this player was too slow. */
  readonly droppedTags: number;
  /** Leaves the stream; later calls do nothing. */
  close(): void;
}

export interface PlayListener {
  /** Limit of the media queued in the source, in bytes. */
  readonly maxBytes: number;
  /** Called when the queue stops being empty, never during `open`. */
  readonly onReadable: () => void;
  /** Called once when the stream has ended; queued messages can still be taken. */
  readonly onEnd: () => void;
}

/** Gives access to the live streams. */
export interface PlayAdmission {
  /** Undefined if nobody publishes under this name. */
  open(request: PlayRequest, listener: PlayListener): PlaySource | undefined;
}
