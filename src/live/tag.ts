// What every stage after ingest works with: one message of the publisher, checked and on the stream's own timeline.
import type { Milliseconds } from '../protocols/units.js';

export type LiveTagKind = 'video' | 'audio' | 'script';

export interface LiveTag {
  readonly kind: LiveTagKind;
  /** Decode time on the stream's timeline: unwrapped, repaired, strictly increasing over the frames of one kind. */
  readonly dts: Milliseconds;
  /** Presentation time minus decode time; video only, may be negative. */
  readonly compositionTime: Milliseconds;
  /** A video frame decoding can start at. False for sequence headers and for audio. */
  readonly keyFrame: boolean;
  readonly sequenceHeader: boolean;
  /** FLV tag body with a legacy head. Shared by all subscribers: never written to. */
  readonly body: Buffer;
  /** A sequence header that differs from the one before it, so decoders have to be set up anew. */
  readonly changed?: boolean;
  /** The publisher's clock jumped here; the stream's timeline goes on smoothly, but pictures may not fit. */
  readonly discontinuity?: boolean;
}
