// Options, callbacks and states of the pipeline of a name.
import type { Origin } from '../hls/origin/origin.js';
import type { Presentation, PresentationOptions } from '../hls/presentation.js';
import type { LiveStream } from '../live/stream.js';
import type { LiveTag } from '../live/tag.js';
import type { SluiceError } from '../protocols/errors.js';
import type { Seconds } from '../protocols/units.js';
import type { FlvReader } from '../transcode/readable-codecs.js';
import type { EncodingOptions } from './encoding.js';
import type { StreamNews } from './stream-log.js';

/**
 * The moves are made in `StreamLife`. While a slate plays the pipeline is suspended, for it has no publisher, and the presentation is live.
 * ```
 *                          ┌──publisher back, tracks known──┐
 *                          ▼                                │
 * waiting ──tracks known──▶ running ──publisher gone──▶ suspended
 *    │                         │                            │ window over
 *    │                         └──no window, failed, close──┴──▶ draining ──FFmpeg flushed, ENDLIST──▶ ended
 *    └──publisher gone, or its media cannot be served───────────────────────────────────────────────────▲
 * ```
 */
export type PipelineState = 'waiting' | 'running' | 'suspended' | 'draining' | 'ended';

/** Reads the data messages of the publishers of a stream. */
export interface MessageReader {
  message(tag: LiveTag): void;
  /** Takes each frame of the main tracks, because a message belongs to the picture that has its time. */
  frame(tag: LiveTag): void;
  /** The publisher has left, or its tracks change: no picture of an earlier message follows. */
  end(): void;
}

export interface StreamPipelineOptions extends EncodingOptions {
  readonly app: string;
  readonly name: string;
  readonly origin: Origin;
  /** Undefined if no FFmpeg was found: then only media that needs no encoding is served. */
  readonly ffmpeg: (FlvReader & { readonly path: string }) | undefined;
  /** How long the playlists wait for a publisher to come back; with 0 they end when it leaves. */
  readonly resumeWindow: Seconds;
  /** Absolute path of an image or clip to show meanwhile; undefined for none. */
  readonly slate?: string | undefined;
  /** If GOPs are longer than this, the source is encoded. */
  readonly maxGop: Seconds;
  /**
   * Settles when the earlier stream of this name has been flushed. Until then its last segments take sequence numbers, so the new
   * presentation starts after it. Never rejects.
   */
  readonly predecessor: Promise<void> | undefined;
  /** Options of the presentation, apart from the plan. Called once, when the tracks are known. */
  readonly presentation: () => Pick<
    PresentationOptions,
    | 'windowSegments'
    | 'dvrWindow'
    | 'event'
    | 'firstMediaSequence'
    | 'firstDiscontinuitySequence'
    | 'continuesEarlier'
    | 'earliestDate'
    | 'knownGop'
    | 'endsFirstEarly'
    | 'store'
  >;
  /** Called when the presentation exists; it has no media yet. Must not throw. */
  readonly onPresentation?: ((presentation: Presentation) => void) | undefined;
  /** Called after `onPresentation`. Returns undefined if nobody reads data messages. */
  readonly readMessages?: ((presentation: Presentation) => MessageReader | undefined) | undefined;
  /** Called when this publisher can no longer be served. It should get the reason. */
  readonly onFailed: (stream: LiveStream, error: SluiceError) => void;
  /** Called when something happens to the stream. Must not throw. */
  readonly onNews: (news: StreamNews) => void;
  /** Called when an internal error has ended the stream; once, for the counter. */
  readonly onBroken: (error: SluiceError) => void;
  /** Called when the presentation will use no further sequence number. */
  readonly onEnded: (presentation: Presentation) => void;
  /** Called when the stream is over, whether or not it had a presentation. */
  readonly onClosed: () => void;
}
