// Connects the senders of timed events (publishers, programs) with their receivers (playlists, readers). All receivers get an event with the same
// number and time.

import type { Logger } from '../contracts/logger.js';
import type { EventControl, EventReader, EventReading, NewTimedEvent, TimedEvent } from '../contracts/timed-event.js';
import { type ReadMessage, readDataMessage } from '../data/data-message.js';
import { dataError } from '../data/errors.js';
import { EventBudget, MAX_EVENT_BYTES } from '../data/event-budget.js';
import { EventLog } from '../data/event-log.js';
import { MessageTimes } from '../data/message-times.js';
import type { Presentation } from '../hls/presentation.js';
import type { LiveTag } from '../live/tag.js';
import type { MessageReader } from '../pipeline/stream-pipeline-options.js';
import type { Clock } from '../protocols/clock.js';
import { type EpochMilliseconds, millisecondsToSeconds, type Seconds } from '../protocols/units.js';

/** UTF-8 bytes of the JSON of a publisher's message. A larger one is dropped, because every viewer would have to load it. */
const MAX_MESSAGE_BYTES = 16 * 1024;
/** A program may send an event this long before its time. */
const LONGEST_AHEAD: Seconds = 3_600;
/** Identifies our ID3 frames. */
const DESCRIPTION = 'sluice';

export interface StreamEventsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Names of the data messages that become events; `*` selects all. */
  readonly dataMessages: readonly string[];
}

interface EventStream {
  readonly presentation: Presentation;
  readonly log: EventLog;
  readonly budget: EventBudget;
}

export class StreamEvents implements EventControl {
  readonly #options: StreamEventsOptions;
  readonly #names: ReadonlySet<string>;
  readonly #streams = new Map<string, EventStream>();
  /** Greatest number of the streams that have ended, in case the clock is set back. */
  #lastSeq = 0;
  /** Number of events so far, by origin. */
  readonly #counts = { publisher: 0, program: 0, dropped: 0 };

  constructor(options: StreamEventsOptions) {
    this.#options = options;
    this.#names = new Set(options.dataMessages);
  }

  /** Figures for the metrics. */
  get figures(): { publisher: number; program: number; dropped: number; readers: number } {
    let readers = 0;
    for (const { log } of this.#streams.values()) readers += log.readers;
    return { ...this.#counts, readers };
  }

  /** Call when a stream begins. */
  presented(presentation: Presentation): void {
    const { clock } = this.#options;
    const now = () => clock.now();
    const key = keyOf(presentation.app, presentation.name);
    this.#streams.get(key)?.log.end();
    const stream = {
      presentation,
      log: new EventLog(now, Math.max(clock.wallClock(), this.#lastSeq)),
      budget: new EventBudget(now),
    };
    this.#streams.set(key, stream);
    presentation.onEnd(() => {
      this.#lastSeq = Math.max(this.#lastSeq, stream.log.seq);
      if (this.#streams.get(key) === stream) this.#streams.delete(key);
      stream.log.end();
    });
  }

  /** @returns undefined if no data message becomes an event */
  readMessages(presentation: Presentation): MessageReader | undefined {
    const stream = this.#streams.get(keyOf(presentation.app, presentation.name));
    if (this.#names.size === 0 || stream === undefined) return undefined;
    const times = new MessageTimes<ReadMessage>(({ name, values }, time) => {
      this.#counts.publisher += 1;
      this.#add(stream, name, values, millisecondsToSeconds(time));
    });
    return {
      end: () => times.end(),
      message: (tag) => {
        // Only what becomes an event waits for its picture, so that what waits is bounded.
        const message = this.#wanted(stream, tag);
        if (message !== undefined) times.message(message, tag.dts);
      },
      frame: (tag) => (tag.kind === 'video' ? times.picture(tag) : times.sound(tag.dts)),
    };
  }

  read(app: string, name: string, after: number | undefined, reader: EventReader): EventReading | undefined {
    const log = this.#streams.get(keyOf(app, name))?.log;
    if (log === undefined) return undefined;
    const earlier = after === undefined ? [] : log.since(after);
    return { seq: (earlier[0]?.event.seq ?? log.seq + 1) - 1, earlier, close: log.read(reader) };
  }

  send(app: string, name: string, { name: event, values, at }: NewTimedEvent): TimedEvent {
    const stream = this.#streams.get(keyOf(app, name));
    const now = stream?.presentation.mediaTimeOf();
    if (stream === undefined || now === undefined) {
      throw dataError('data.no-such-stream', `no stream ${app}/${name} is live`);
    }
    const bytes = Buffer.byteLength(event) + Buffer.byteLength(JSON.stringify(values));
    if (bytes > MAX_EVENT_BYTES) {
      throw dataError('data.event-size', `got an event of ${bytes} bytes, expected at most ${MAX_EVENT_BYTES}`);
    }
    const mediaTime = at === undefined ? now : this.#timeAt(stream.presentation, at, now);
    stream.budget.take();
    this.#counts.program += 1;
    return this.#add(stream, event, values, mediaTime);
  }

  #timeAt(presentation: Presentation, at: EpochMilliseconds, now: Seconds): Seconds {
    const mediaTime = presentation.mediaTimeOf(at) ?? now;
    if (!Number.isFinite(mediaTime)) throw dataError('data.event-time', 'the time of the event is no date');
    const latest = presentation.targetDuration ?? 0;
    if (mediaTime < now - latest) {
      throw dataError(
        'data.event-time',
        `the event is ${Math.round(now - mediaTime)} s late, expected at most ${latest} s`,
      );
    }
    if (mediaTime > now + LONGEST_AHEAD) {
      throw dataError('data.event-time', `the event is more than ${LONGEST_AHEAD} s ahead`);
    }
    return mediaTime;
  }

  #wanted({ presentation }: EventStream, { body }: LiveTag): ReadMessage | undefined {
    const message = readDataMessage(body);
    if (message === undefined || !(this.#names.has('*') || this.#names.has(message.name))) return undefined;
    const bytes = Buffer.byteLength(JSON.stringify(message.name)) + Buffer.byteLength(JSON.stringify(message.values));
    if (bytes > MAX_MESSAGE_BYTES) {
      this.#counts.dropped += 1;
      const { app, name } = presentation;
      const fields = { app, stream: name, code: 'data.event-size', message: printable(message.name.slice(0, 64)) };
      this.#options.logger.warn(fields, `a data message is larger than ${MAX_MESSAGE_BYTES} bytes and is dropped`);
      return undefined;
    }
    return message;
  }

  #add({ presentation, log }: EventStream, name: string, values: TimedEvent['values'], mediaTime: Seconds): TimedEvent {
    const { event, text } = log.add({ name, values, mediaTime, date: presentation.dateOf(mediaTime) });
    if (!presentation.addEvent({ id: event.seq % 2 ** 32, time: mediaTime, description: DESCRIPTION, text })) {
      this.#counts.dropped += 1;
    }
    return event;
  }
}

/** Names come from the publisher. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}

/** Neither part can contain a line feed. */
function keyOf(app: string, name: string): string {
  return `${app}\n${name}`;
}
