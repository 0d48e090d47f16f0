// The live streams as push targets need them: the messages of a name, over several publishers.

import type { AudioCodecId, VideoCodecId } from '../protocols/flv/codecs.js';
import type { Milliseconds } from '../protocols/units.js';

/** One message of a live stream. */
export interface RelayTag {
  readonly kind: 'audio' | 'video' | 'script';
  /** Decode time on the stream's own timeline. */
  readonly dts: Milliseconds;
  readonly keyFrame: boolean;
  readonly sequenceHeader: boolean;
  /** Whether this is a data message that belongs to the time `dts`, and not metadata. */
  readonly momentary?: boolean;
  /** Body of an FLV tag, shared with other readers: never modified. */
  readonly body: Buffer;
  readonly codec: VideoCodecId | AudioCodecId | undefined;
}

/** What a queued message costs beside its body, so that many tiny messages are bounded too. */
const TAG_OVERHEAD = 128;

/** The memory that a queued message counts, in bytes. */
export function waitingBytes({ body }: RelayTag): number {
  return body.length + TAG_OVERHEAD;
}

/** The messages of one stream: metadata and sequence headers, then media from a key frame on. */
export interface RelaySource {
  take(): RelayTag | undefined;
  /** Whether no more messages will be added. */
  readonly ended: boolean;
  /** Leaves the stream; later calls do nothing. */
  close(): void;
}

export interface RelayListener {
  /** Limit of the messages that wait for `take`, in bytes. */
  readonly maxBytes: number;
  /** Called when a message waits, never during `open`. */
  readonly onReadable: () => void;
  /** Called once when the stream has ended for good. It does not end while it waits for a publisher. */
  readonly onEnd: () => void;
}

export interface RelayedStreams {
  /** Undefined if the stream has no publisher and waits for none. */
  open(stream: { readonly app: string; readonly name: string }, listener: RelayListener): RelaySource | undefined;
  /** The streams that are published. */
  list(): readonly { readonly app: string; readonly name: string }[];
}
