// Events with a place on the timeline of a stream, as players, monitors and recordings get them.

import type { EpochMilliseconds, Seconds } from '../protocols/units.js';

/** Any JSON value. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** An event that a publisher or a program has sent for one moment of a stream. */
export interface TimedEvent {
  /** Increases from event to event of a stream, even over a restart of the gateway. */
  readonly seq: number;
  /** `onTextData`, `onCuePoint`, or the name that a program chose. */
  readonly name: string;
  /** Presentation time of the picture to which it belongs, on the timeline of the stream. */
  readonly mediaTime: Seconds;
  /** The EXT-X-PROGRAM-DATE-TIME of that picture. */
  readonly date: EpochMilliseconds;
  readonly values: JsonValue;
}

/** An event that a program adds to a stream. */
export interface NewTimedEvent {
  readonly name: string;
  readonly values: JsonValue;
  /** The date of the picture to which it belongs. Default: the newest picture. */
  readonly at?: EpochMilliseconds | undefined;
}

/** An event with its text, which is the same for all readers. */
export interface LoggedEvent {
  readonly event: TimedEvent;
  /** JSON of the event: `{"seq":…,"name":…,"mediaTime":…,"date":"ISO 8601","values":…}`. */
  readonly text: string;
}

export interface EventReader {
  readonly onEvent: (logged: LoggedEvent) => void;
  /** Called once when the stream has ended. */
  readonly onEnd: () => void;
}

/** The events of all streams, for readers. */
export interface EventFeed {
  /**
   * Reads the events of a stream.
   * @param after the kept events after this number come first, in the answer; undefined: only new events
   * @returns undefined if no such stream is live
   */
  read(app: string, name: string, after: number | undefined, reader: EventReader): EventReading | undefined;
}

export interface EventReading {
  /** Number of the newest event, or of the last one before `earlier`. */
  readonly seq: number;
  readonly earlier: readonly LoggedEvent[];
  close(): void;
}

/** The events of all streams, for programs that send some. */
export interface EventControl extends EventFeed {
  /** @throws {SluiceError} `data.no-such-stream`, `data.event-size`, `data.event-rate`, `data.event-time` */
  send(app: string, name: string, event: NewTimedEvent): TimedEvent;
}
