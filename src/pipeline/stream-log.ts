// All reports about a stream: its log lines, limited in number, and its events (`StreamNews`).
import type { Logger } from '../contracts/logger.js';
import type {
  StreamChanged,
  StreamEnded,
  StreamResumed,
  StreamResuming,
  StreamStarted,
} from '../events/gateway-event.js';
import type { SluiceError } from '../protocols/errors.js';
import type { Seconds } from '../protocols/units.js';
import type { StreamPlan } from './stream-plan.js';

type WithoutAddress<Event> = Event extends unknown ? Omit<Event, 'app' | 'name' | 'time'> : never;

/** An event of a stream; the receiver adds the name of the stream and the time. */
export type StreamNews = WithoutAddress<StreamStarted | StreamResuming | StreamResumed | StreamChanged | StreamEnded>;

/** The start of a slate causes no event, because the stream still waits for its publisher. */
const NEWS = {
  'stream started': 'stream.started',
  'stream resumed': 'stream.resumed',
  'stream changed': 'stream.changed',
} as const;

export type PeriodNews = keyof typeof NEWS | 'slate shown';

export class StreamLog {
  /** Fields of each line. */
  readonly fields: { readonly app: string; readonly stream: string };
  readonly #logger: Logger;
  readonly #onNews: (news: StreamNews) => void;
  /** Codes of the warnings about the publisher's media that were already logged. */
  readonly #warned = new Set<string>();

  constructor(
    logger: Logger,
    fields: { readonly app: string; readonly stream: string },
    onNews: (news: StreamNews) => void,
  ) {
    this.#logger = logger;
    this.#onNews = onNews;
    this.fields = fields;
  }

  period(what: PeriodNews, plan: StreamPlan): void {
    const renditions = plan.renditions.map(({ name }) => name);
    this.#logger.info({ ...this.fields, renditions, source: plan.source }, what);
    for (const shortcoming of plan.shortcomings) {
      this.#logger.warn({ ...this.fields, code: 'pipeline.reduced' }, shortcoming);
    }
    if (what !== 'slate shown') this.#onNews({ type: NEWS[what], renditions });
  }

  suspended(resumeWindow: Seconds): void {
    this.#logger.info({ ...this.fields, resumeWindow }, 'publisher gone, waiting for it to return');
    this.#onNews({ type: 'stream.resuming' });
  }

  /** @param publishes number of publishers that its playlists had */
  ended(publishes: number): void {
    this.#logger.info({ ...this.fields, publishes }, 'stream ended');
    this.#onNews({ type: 'stream.ended' });
  }

  failed(error: SluiceError): void {
    this.#logger.warn({ ...this.fields, code: error.code, err: error }, 'stream cannot be served');
  }

  /** A bug in the gateway: the only line with its stack. */
  broken(where: string, error: SluiceError): void {
    this.#logger.error(
      { ...this.fields, code: error.code, where, err: error.cause ?? error },
      'internal error: this stream ends, the others go on',
    );
  }

  /** A further failure while the stream ends, most likely a consequence of the first. */
  brokeAgain(where: string, cause: unknown): void {
    this.#logger.debug({ ...this.fields, where, err: cause }, 'internal error of a stream that has failed');
  }

  /** @param what the work that did not end in time, and that the stream no longer waits for */
  late(what: string): void {
    this.#logger.warn({ ...this.fields, what }, 'part of a stream did not end in time and is no longer waited for');
  }

  /** Logs a problem that viewers may notice. */
  warning({ code, message }: SluiceError): void {
    this.#logger.warn({ ...this.fields, code }, message);
  }

  storeRecovered(): void {
    this.#logger.info(this.fields, 'the disk copy has caught up');
  }

  /** Logs dropped media only once for each code. Logs every line about repaired media, because the stream reports each kind only once. */
  leftOut({ code, message }: SluiceError): void {
    if (code === 'live.repaired') {
      this.#logger.warn({ ...this.fields, code }, `what the publisher sends is repaired: ${message}`);
      return;
    }
    if (this.#warned.has(code)) return;
    this.#warned.add(code);
    this.#logger.warn({ ...this.fields, code }, `part of what the publisher sends is left out: ${message}`);
  }

  /** Call for each new publisher, which may have other faults. */
  publisherComes(): void {
    this.#warned.clear();
  }
}
