// Puts timed events into the parts of a rendition, as `emsg` boxes before the media.
import { type EventMessage, eventMessageBox } from '../../protocols/mp4/event-message.js';
import { type Seconds, secondsToMilliseconds } from '../../protocols/units.js';
import { type MadePart, PartBody } from './part.js';

/** Bytes of text that may wait in a rendition. Beyond it the oldest event is dropped. */
const MAX_WAITING = 256 * 1024;

export interface InbandEvent extends Pick<EventMessage, 'id' | 'description' | 'text'> {
  /** Presentation time on the timeline of the stream. */
  readonly time: Seconds;
}

export class InbandEvents {
  /** The earliest first. */
  #waiting: InbandEvent[] = [];
  #bytes = 0;
  /** Number of events dropped because too many were waiting. */
  #dropped = 0;

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Adds an event to the part that is shown at its time or, if that part already exists, to the next one. The time of the event stays the same. */
  add(event: InbandEvent): void {
    const before = this.#waiting.findLastIndex(({ time }) => time <= event.time);
    this.#waiting.splice(before + 1, 0, event);
    this.#bytes += sizeOf(event);
    while (this.#bytes > MAX_WAITING) {
      const oldest = this.#waiting.shift();
      if (oldest === undefined) return;
      this.#bytes -= sizeOf(oldest);
      this.#dropped += 1;
    }
  }

  /** @param timescale of the track @returns the part with the events that are due when it ends */
  into(part: MadePart, timescale: number): MadePart {
    const first = this.#waiting.findIndex(({ time }) => time >= part.end);
    const due = this.#waiting.splice(0, first < 0 ? this.#waiting.length : first);
    if (due.length === 0) return part;
    const boxes = due.map(({ time, ...event }) =>
      eventMessageBox({
        ...event,
        timescale,
        time: Math.max(0, Math.round((secondsToMilliseconds(time) * timescale) / 1000)),
      }),
    );
    for (const event of due) this.#bytes -= sizeOf(event);
    const body = new PartBody([...boxes, ...part.body.pieces]);
    const added = body.length - part.body.length;
    const keyFrameBytes = part.keyFrameBytes === undefined ? undefined : part.keyFrameBytes + added;
    return { ...part, body, keyFrameBytes };
  }
}

function sizeOf({ description, text }: InbandEvent): number {
  return description.length + text.length;
}
