// Recordings as servers show them.

import type { EpochMilliseconds, Seconds } from '../protocols/units.js';

/** The description of a recording. Times are epoch milliseconds. */
export interface RecordingState {
  readonly id: string;
  readonly app: string;
  readonly name: string;
  readonly title?: string | undefined;
  readonly pinned: boolean;
  readonly state: 'recording' | 'paused' | 'finished' | 'interrupted';
  /** Why it is paused. */
  readonly reason?: string | undefined;
  readonly start: EpochMilliseconds;
  readonly end?: EpochMilliseconds | undefined;
  readonly duration: Seconds;
  readonly bytes: number;
  readonly renditions: readonly { readonly name: string }[];
  readonly gaps: readonly { readonly from: EpochMilliseconds; readonly to: EpochMilliseconds }[];
  /** How a clip was cut out. */
  readonly clip?: ClipState | undefined;
}

export interface ClipState {
  /** Id of the recording that it was cut out of; undefined if that was a live stream. */
  readonly of?: string | undefined;
  /** The requested time range. The clip begins with the key frame before it. */
  readonly from: EpochMilliseconds;
  readonly to: EpochMilliseconds;
  /** Media before `from` and after `to`. */
  readonly skip: Seconds;
  readonly cut: Seconds;
  readonly madeAt: EpochMilliseconds;
}

export interface NewClip {
  /** Seconds from the beginning, negative from the end; or a date. */
  readonly from: number | Date;
  /** Default: until the end. */
  readonly to?: number | Date | undefined;
  readonly title?: string | undefined;
}

export interface StoredRecording {
  readonly facts: RecordingState;
  /** Absolute path of its playlists and media. */
  readonly directory: string;
}

export interface RecordingListQuery {
  readonly app?: string | undefined;
  readonly name?: string | undefined;
  readonly from?: EpochMilliseconds | undefined;
  readonly to?: EpochMilliseconds | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export interface RecordingMovie {
  /** Bytes. */
  readonly length: number;
  /** The bytes from `first` to `last`, both included. */
  read(first: number, last: number): AsyncIterable<Buffer>;
}

/** Figures of the uploads to a bucket, since the start and now. */
export interface BucketState {
  /** Why the store takes nothing, or does not remove, in words; undefined if all is well. */
  readonly reason: string | undefined;
  readonly requests: number;
  readonly failedRequests: number;
  readonly sentBytes: number;
  /** Recordings that are not complete in the bucket. */
  readonly pendingRecordings: number;
  /** Media that waits to be sent: of live streams, and of recordings that are being sent. */
  readonly pendingBytes: number;
  /** Age of the oldest media that waits. */
  readonly lag: Seconds;
  /** Of live streams: listed as gaps, because they were too late. */
  readonly droppedSegments: number;
}

/** The state of one recording in the bucket. */
export type UploadState = 'waiting' | 'uploading' | 'complete';

export interface RecordingLibrary {
  /** The newest first. */
  list(query: RecordingListQuery): {
    readonly recordings: readonly RecordingState[];
    readonly cursor?: string | undefined;
  };
  /** Whether recordings of an earlier process are still being read, so that not all are listed. */
  readonly isReading: boolean;
  /** Among those that are listed. */
  find(id: string): StoredRecording | undefined;
  /** Also finds recordings that are not listed yet. */
  seek(id: string): Promise<StoredRecording | undefined>;
  /** The recording in progress of a stream; undefined if there is none. */
  of(app: string, name: string): RecordingState | undefined;
  /**
   * The recording as one MP4.
   * @param rendition a video, or `audio`; default: the first video
   * @throws {SluiceError} `recording.mp4`, `recording.no-such-recording`
   */
  movie(id: string, rendition?: string): Promise<RecordingMovie>;
  /** Whether viewers may cut clips. */
  readonly viewersMayClip: boolean;
  /**
   * Cuts a clip for a viewer. Whoever calls this has checked that the viewer may watch the recording.
   * @throws {SluiceError} `recording.no-such-recording`, `recording.clip`, `recording.clip-limit`
   */
  clipForViewer(id: string, clip: NewClip): Promise<RecordingState>;
  /** Beginning of the oldest and end of the newest recording, of all streams or of some; undefined if there is none. */
  bounds(
    query: Pick<RecordingListQuery, 'app' | 'name'>,
  ): { readonly first: EpochMilliseconds; readonly last: EpochMilliseconds } | undefined;
  totals(): { readonly count: number; readonly bytes: number };
}

/** What operators may do with recordings. Throws the errors of `recording/errors.ts`. */
export interface RecordingControl extends RecordingLibrary {
  /** Starts at the next segment; does nothing if the stream is being recorded. @throws {SluiceError} `recording.no-such-stream` */
  start(app: string, name: string, options?: NewRecording): RecordingState;
  /** Stops after the segment that is being made. @returns undefined if it is not being recorded. @throws like `start` */
  stop(app: string, name: string): RecordingState | undefined;
  /** @throws {SluiceError} `recording.no-such-recording` */
  change(id: string, change: { readonly title?: string; readonly pinned?: boolean }): Promise<RecordingState>;
  /** Cuts a part out of a recording. @throws {SluiceError} `recording.no-such-recording`, `recording.clip`, `recording.clip-limit` */
  clip(id: string, clip: NewClip): Promise<RecordingState>;
  /** Makes a clip from the segments that a live stream still has. @throws {SluiceError} `recording.no-such-stream`, and like `clip` */
  clipStream(app: string, name: string, clip: NewClip): Promise<RecordingState>;
  /** @throws {SluiceError} `recording.no-such-recording`, `recording.being-made` */
  remove(id: string): Promise<void>;
  /** Undefined if there is no bucket. */
  bucket(): BucketState | undefined;
  /** Undefined if there is no bucket. */
  uploadOf(id: string): UploadState | undefined;
}

export interface NewRecording {
  /** `all`, or names such as `source,720p`. Default: as `record` says, or `source`. */
  readonly renditions?: string | undefined;
  readonly title?: string | undefined;
}
