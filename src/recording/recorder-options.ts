// What a recorder needs to record one stream.

import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import type { RecordedRendition, RecordedStream } from './recorded-stream.js';
import type { RecordingFacts } from './recording-facts.js';
import type { WorkInTurn } from './work-in-turn.js';

export interface RecorderOptions {
  readonly stream: RecordedStream;
  readonly directory: string;
  readonly id: string;
  readonly title?: string | undefined;
  /** Number of the first segment to record. */
  readonly first: number;
  /** Which renditions to record. */
  readonly takes: (rendition: RecordedRendition) => boolean;
  /** Bytes that must stay free on the disk. */
  readonly keepFree: number;
  /** Free bytes on the disk of a directory. */
  readonly freeBytes: (directory: string) => Promise<number>;
  /** For those who write the facts, so that no change is lost. */
  readonly turns: WorkInTurn;
  readonly clock: Clock;
  readonly domain: FailureDomain;
  /** Called when the facts have changed. */
  readonly onChange: (facts: RecordingFacts) => void;
  /** Removes the recording, which has ended with nothing to play. @throws the system error if it cannot be removed */
  readonly onEmpty: () => Promise<void>;
  /** Called when the recording pauses, and when it continues. */
  readonly onPaused: (error: SluiceError | undefined) => void;
}
