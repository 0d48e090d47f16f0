// What the ingest of a kind of media needs from the stream it belongs to.
import type { SluiceError } from '../protocols/errors.js';
import type { LiveStreamLimits } from './limits.js';
import type { RepairKind } from './repairs.js';
import type { LiveTag } from './tag.js';
import type { MediaKind, Timeline } from './timeline.js';

export interface IngestContext {
  readonly timeline: Timeline;
  readonly limits: LiveStreamLimits;
  /** Hands a tag to everybody. @throws live.timestamps when it is one discontinuity too many */
  readonly emit: (tag: LiveTag) => void;
  readonly warn: (warning: SluiceError) => void;
  /** Counts, and tells the first of each kind. */
  readonly repair: (kind: RepairKind) => void;
  /** Counts. @throws live.parameter-changes when it is one too many */
  readonly noteParameterChange: (kind: MediaKind) => void;
}
