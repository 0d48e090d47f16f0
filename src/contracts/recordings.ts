// Recordings as servers show them.

import type { EpochMilliseconds, Seconds } from '../protocols/units.js';

/** A recording as its room knows it. Times are epoch milliseconds. */
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

export interface RecordingLibrary {
  /** The newest first. */
  list(query: RecordingListQuery): {
    readonly recordings: readonly RecordingState[];
    readonly cursor?: string | undefined;
  };
  find(id: string): StoredRecording | undefined;
  totals(): { readonly count: number; readonly bytes: number };
}
