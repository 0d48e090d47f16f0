// Finds the picture that a data message belongs to: the one that the publisher sent with the same timestamp.
import type { Milliseconds } from '../protocols/units.js';

/** Times are rounded to milliseconds on their way. */
const SAME_TIME: Milliseconds = 1;
/** If no picture follows a message within this much media time, the message does not wait any longer. */
const LONGEST_WAIT: Milliseconds = 500;
/** Limit of messages that wait for their picture. It is exceeded only if no pictures arrive; then messages do not wait. */
const MAX_WAITING = 256;

export interface FrameTime {
  readonly dts: Milliseconds;
  /** Presentation time minus decode time. */
  readonly compositionTime: Milliseconds;
  readonly keyFrame: boolean;
}

/**
 * Timestamps of messages are decode times. With B-frames, each picture is shown later than it is decoded, by a different time. A message is therefore
 * shown with the picture of its timestamp. If there is none, the message is delayed like a
 * key frame.
 */
export class MessageTimes<Message> {
  readonly #emit: (message: Message, time: Milliseconds) => void;
  #waiting: { readonly message: Message; readonly dts: Milliseconds }[] = [];
  #picture: FrameTime | undefined;
  /** Composition time of the last key frame. */
  #delay: Milliseconds = 0;

  /** @param emit called once for each message, with its presentation time on the timeline of the stream */
  constructor(emit: (message: Message, time: Milliseconds) => void) {
    this.#emit = emit;
  }

  message(message: Message, dts: Milliseconds): void {
    const last = this.#picture;
    // No wait if there are no pictures, or if the picture of the message has already passed.
    if (last === undefined || dts <= last.dts + SAME_TIME) this.#place(message, dts);
    else this.#waiting.push({ message, dts });
    if (this.#waiting.length > MAX_WAITING) this.#release(Number.POSITIVE_INFINITY);
  }

  picture(picture: FrameTime): void {
    this.#picture = picture;
    if (picture.keyFrame) this.#delay = picture.compositionTime;
    if (this.#waiting.length > 0) this.#release(picture.dts + SAME_TIME);
  }

  /** Call for each audio frame: much older messages have no picture, and no longer wait. */
  sound(dts: Milliseconds): void {
    if (this.#waiting.length > 0) this.#release(dts - LONGEST_WAIT);
  }

  /** No further picture comes: the publisher has left. */
  end(): void {
    this.#release(Number.POSITIVE_INFINITY);
  }

  /** Emits the messages up to this time. */
  #release(until: Milliseconds): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ dts }) => dts > until);
    for (const { message, dts } of waiting) if (dts <= until) this.#place(message, dts);
  }

  #place(message: Message, dts: Milliseconds): void {
    const last = this.#picture;
    const isOfLast = last !== undefined && Math.abs(last.dts - dts) <= SAME_TIME;
    this.#emit(message, isOfLast ? last.dts + last.compositionTime : dts + this.#delay);
  }
}
