// Passes on the data messages that are not metadata: captions, cue points, what sensors measured. Each belongs to its moment.
import { AMF0_MARKER, AMF3_MARKER } from '../protocols/amf/markers.js';
import type { Milliseconds } from '../protocols/units.js';
import type { IngestContext } from './ingest-context.js';

/** The rate is measured over this time, so that a message that comes a little early does not count against the next one. */
const MEASURED: Milliseconds = 1_000;
/** What the queue of a reader needs for a message, in addition to its body. */
const MESSAGE_OVERHEAD = 128;

export class DataIngest {
  readonly #context: IngestContext;
  readonly #now: () => Milliseconds;
  #since: Milliseconds;
  /** Bytes since `#since`. */
  #bytes = 0;
  /** Messages passed on. */
  messages = 0;
  /** Messages without a name. */
  ignored = 0;

  constructor(context: IngestContext, now: () => Milliseconds) {
    this.#context = context;
    this.#now = now;
    this.#since = now();
  }

  /** @param timestamp as on the wire @param body AMF0, a name and then values */
  accept(timestamp: Milliseconds, body: Buffer): void {
    if (!hasName(body)) {
      this.ignored += 1;
      return;
    }
    if (!this.#fits(body.length + MESSAGE_OVERHEAD)) {
      this.#context.repair('data-rate');
      return;
    }
    this.messages += 1;
    this.#context.emit({
      kind: 'script',
      dts: this.#context.timeline.moment(timestamp),
      compositionTime: 0,
      keyFrame: false,
      sequenceHeader: false,
      body,
      data: body,
      codec: undefined,
      trackId: 0,
      momentary: true,
    });
  }

  #fits(bytes: number): boolean {
    const now = this.#now();
    if (now - this.#since >= MEASURED) {
      this.#since = now;
      this.#bytes = 0;
    }
    this.#bytes += bytes;
    return this.#bytes <= this.#context.limits.maxDataRate;
  }
}

/** Whether the first value is a string, of AMF0 (2.4) or behind the marker of AMF3 (3.1): some encoders send a timecode as 4 bare bytes. */
function hasName(body: Buffer): boolean {
  return (
    body.length > 3 &&
    (body[0] === AMF0_MARKER.string || (body[0] === AMF0_MARKER.avmplusObject && body[1] === AMF3_MARKER.string))
  );
}
