// The events of one stream: numbers them, keeps the newest for readers that reconnect, and passes them to all readers.
import type { EventReader, JsonValue, LoggedEvent, TimedEvent } from '../contracts/timed-event.js';
import { callAll } from '../protocols/failure-domain.js';
import type { EpochMilliseconds, Milliseconds, Seconds } from '../protocols/units.js';

/** Limits of the events kept for readers that reconnect: time, number of events, and bytes of text. */
const KEPT_TIME: Milliseconds = 60_000;
const KEPT_EVENTS = 1_000;
const KEPT_BYTES = 1024 * 1024;

interface KeptEvent extends LoggedEvent {
  /** When it was added (monotonic clock). */
  readonly at: Milliseconds;
}

export class EventLog {
  readonly #now: () => Milliseconds;
  readonly #kept: KeptEvent[] = [];
  readonly #readers = new Set<EventReader>();
  #keptBytes = 0;
  #seq: number;
  #ended = false;

  /**
   * @param now monotonic clock
   * @param first number before that of the first event. The wall clock in milliseconds is greater than all numbers of an earlier process
   */
  constructor(now: () => Milliseconds, first: EpochMilliseconds) {
    this.#now = now;
    this.#seq = Math.floor(first);
  }

  /** Number of the newest event. */
  get seq(): number {
    return this.#seq;
  }

  get readers(): number {
    return this.#readers.size;
  }

  get ended(): boolean {
    return this.#ended;
  }

  add(event: {
    readonly name: string;
    readonly values: JsonValue;
    readonly mediaTime: Seconds;
    readonly date: number;
  }): LoggedEvent {
    this.#seq += 1;
    const numbered: TimedEvent = { seq: this.#seq, ...event };
    const logged = { event: numbered, text: eventText(numbered), at: this.#now() };
    this.#kept.push(logged);
    this.#keptBytes += logged.text.length;
    this.#forgetOld(logged.at);
    callAll([...this.#readers], (reader) => reader.onEvent(logged));
    return logged;
  }

  /** The kept events after number `seq`, the oldest first. Empty for an unknown number. */
  since(seq: number): readonly LoggedEvent[] {
    this.#forgetOld(this.#now());
    return seq > this.#seq ? [] : this.#kept.filter(({ event }) => event.seq > seq);
  }

  /** @returns a function that removes the reader */
  read(reader: EventReader): () => void {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  /** Call when the stream has ended. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const readers = [...this.#readers];
    this.#readers.clear();
    callAll(readers, (reader) => reader.onEnd());
  }

  #forgetOld(now: Milliseconds): void {
    while (true) {
      const oldest = this.#kept[0];
      if (oldest === undefined) return;
      const isKept = now - oldest.at <= KEPT_TIME && this.#kept.length <= KEPT_EVENTS && this.#keptBytes <= KEPT_BYTES;
      if (isKept) return;
      this.#kept.shift();
      this.#keptBytes -= oldest.text.length;
    }
  }
}

function eventText({ seq, name, mediaTime, date, values }: TimedEvent): string {
  return JSON.stringify({ seq, name, mediaTime, date: new Date(date).toISOString(), values });
}
