// What audio, video and metadata ingest need from the stream they belong to.
import type { SluiceError } from '../protocols/errors.js';
import type { LiveStreamLimits } from './limits.js';
import type { RepairKind } from './repairs.js';
import type { LiveTag } from './tag.js';
import type { MediaKind, Timeline } from './timeline.js';

export interface IngestContext {
  readonly timeline: Timeline;
  readonly limits: LiveStreamLimits;
  /** Delivers a tag to all readers. @throws live.timestamps if its discontinuity exceeds the limit */
  readonly emit: (tag: LiveTag) => void;
  readonly warn: (warning: SluiceError) => void;
  /** Counts a repair, and reports the first of each kind. */
  readonly repair: (kind: RepairKind) => void;
  /** Counts a parameter change. @throws live.parameter-changes if it exceeds the limit */
  readonly noteParameterChange: (kind: MediaKind) => void;
}
