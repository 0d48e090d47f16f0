// Decides which metadata enters the stream: only metadata that has changed.
import type { IngestContext } from './ingest-context.js';
import { liveMetadata, type MetadataHints, readMetadataHints } from './metadata.js';
import type { LiveTag } from './tag.js';

export class MetadataIngest {
  readonly #context: IngestContext;
  /** The last onMetaData. */
  tag: LiveTag | undefined;
  hints: MetadataHints = {};
  /** Repeated metadata. */
  ignored = 0;

  constructor(context: IngestContext) {
    this.#context = context;
  }

  /** GStreamer repeats its metadata several times a second: pass it on only if it has changed. */
  accept(message: Buffer): void {
    const body = liveMetadata(message);
    if (this.tag?.body.equals(body) === true) {
      this.ignored += 1;
      return;
    }
    this.hints = readMetadataHints(body);
    const changed = this.tag !== undefined;
    this.tag = {
      kind: 'script',
      dts: this.#context.timeline.position(),
      compositionTime: 0,
      keyFrame: false,
      sequenceHeader: false,
      body,
      data: body,
      codec: undefined,
      trackId: 0,
      changed,
      discontinuity: false,
    };
    this.#context.emit(this.tag);
  }
}
