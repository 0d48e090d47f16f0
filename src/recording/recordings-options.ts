// The options and events of the recordings of a gateway.

import type { Logger } from '../contracts/logger.js';
import type { Clock } from '../protocols/clock.js';
import type { Catalogue } from './catalogue.js';
import type { RecordedRendition } from './recorded-stream.js';
import type { RecordingFacts } from './recording-facts.js';
import type { RetentionRules } from './retention.js';
import type { SplitRules } from './split.js';

export interface RecordingsOptions extends RetentionRules {
  /** Absolute path of an existing directory. */
  readonly root: string;
  /** Template of the directories below it; see `directoryOf`. */
  readonly path: string;
  /** Bytes that must stay free on the disk; 0: no minimum. */
  readonly keepFree: number;
  /** Free bytes on the disk of a directory. */
  readonly freeBytes: (directory: string) => Promise<number>;
  /** When a recording is split; undefined: never. */
  readonly split: SplitRules | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onEvent: (event: RecordingNews) => void;
  /** Default: a catalogue without followers. */
  readonly catalogue?: Catalogue;
}

export interface RecordingNews {
  readonly type:
    | 'recording.started'
    | 'recording.paused'
    | 'recording.resumed'
    | 'recording.finished'
    | 'recording.clipped'
    | 'recording.removed';
  readonly recording: RecordingFacts;
}

export interface StartRecording {
  readonly takes: (rendition: RecordedRendition) => boolean;
  readonly title?: string | undefined;
}
