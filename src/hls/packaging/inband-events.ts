// Puts timed events into the parts of a rendition, as `emsg` boxes before the media.
import { type EventMessage, eventMessageBox } from '../../protocols/mp4/event-message.js';
import { type Seconds, secondsToMilliseconds } from '../../protocols/units.js';
import { type MadePart, PartBody } from './part.js';

/** Bytes of text that may wait in a rendition. Beyond it the event that is the furthest ahead is dropped: the others are due sooner. */
const MAX_WAITING = 256 * 1024;

export interface InbandEvent extends Pick<EventMessage, 'id' | 'description' | 'text'> {
  /** Presentation time on the timeline of the stream. */
  readonly time: Seconds;
}

export class InbandEvents {
  /** The earliest first. */
  #waiting: InbandEvent[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /**
   * The event goes into the part that is shown at its time or, if that is already made, into the next one, with its own time.
   * @returns false if so many wait that one was left out
   */
  add(event: InbandEvent): boolean {
    let isWhole = true;
    const before = this.#waiting.findLastIndex(({ time }) => time <= event.time);
    this.#waiting.splice(before + 1, 0, event);
    this.#bytes += sizeOf(event);
    while (this.#bytes > MAX_WAITING) {
      const furthest = this.#waiting.pop();
      if (furthest === undefined) return false;
      isWhole = false;
      this.#bytes -= sizeOf(furthest);
    }
    return isWhole;
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
