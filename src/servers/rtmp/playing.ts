// What the RTMP server needs from the rest of the gateway to serve players: someone who decides who may watch, and the streams.

import type { PlayRequest } from '../../contracts/access.js';
import type { Milliseconds } from '../../protocols/units.js';

/** One message of a live stream. */
export interface PlayItem {
  readonly kind: 'audio' | 'video' | 'script';
  /** Decode time on the stream's own timeline. */
  readonly dts: Milliseconds;
  readonly sequenceHeader: boolean;
  /** Body of an FLV tag, shared with other readers: never written to. */
  readonly body: Buffer;
}

/**
 * One player's reading of a live stream: metadata and sequence headers, then media from a key frame on. Bounded: a player that
 * reads too slowly loses what waits, up to the next key frame.
 */
export interface PlaySource {
  take(): PlayItem | undefined;
  /** Nothing will be added any more; what waits can still be taken. */
  readonly ended: boolean;
  /** Messages this player was too slow for. */
  readonly droppedTags: number;
  /** Leaves the stream; later calls do nothing. */
  close(): void;
}

export interface PlayListener {
  /** Bound of the media waiting in the source. Bytes. */
  readonly maxBytes: number;
  /** Called when something waits that did not before, and never from within `open`. */
  readonly onReadable: () => void;
  /** Called once when the stream has ended; what waits can still be taken. */
  readonly onEnd: () => void;
}

/** The live streams. */
export interface PlayAdmission {
  /** Undefined when nobody publishes under this name. */
  open(request: PlayRequest, listener: PlayListener): PlaySource | undefined;
}
