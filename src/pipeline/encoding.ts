// What FFmpeg does for a stream from epoch to epoch: as much of the ladder as it can carry, and never at the cost of the rest.
import type { Logger } from '../contracts/logger.js';
import type { Presentation } from '../hls/presentation.js';
import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import type { Milliseconds, Seconds } from '../protocols/units.js';
import type { ChildSettings } from '../transcode/child-settings.js';
import type { TranscodeLoad } from '../transcode/load-meter.js';
import { type Capacity, TranscodePlace } from './capacity.js';
import { pipelineError } from './errors.js';
import type { Publisher } from './publisher.js';
import { byCost, type StreamPlan, transcodePlan } from './stream-plan.js';
import { type EncodingLedger, Transcoder } from './transcoder.js';
import { withFields } from './with-fields.js';

export interface EncodingOptions {
  /** Undefined: none was found. */
  readonly ffmpeg: { readonly path: string } | undefined;
  /** How FFmpeg is run. */
  readonly childSettings?: ChildSettings | undefined;
  readonly ledger?: EncodingLedger | undefined;
  readonly ladder: readonly string[];
  readonly partDuration: Seconds;
  readonly segmentDuration: Seconds;
  /** False: an FFmpeg that does not keep up is left as it is. */
  readonly shedsOnOverload: boolean;
  readonly capacity: Pick<Capacity, 'admit' | 'noteShed'>;
  readonly logger: Logger;
  readonly clock: Clock;
}

export interface EncodingContext {
  /** Owns FFmpeg and all that is done for it. */
  readonly domain: FailureDomain;
  /** Fields of each log line. */
  readonly fields: object;
  /** Nothing that viewers came for is left. */
  readonly onExhausted: (publisher: Publisher, cause: SluiceError) => void;
}

/** A rendition that was taken out of a running stream. */
export interface Withdrawal {
  readonly name: string;
  readonly reason: 'failed' | 'overload';
}

export interface EncodingState {
  /** Names of what FFmpeg makes now. */
  readonly renditions: readonly string[];
  readonly restarts: number;
  readonly droppedTags: number;
  readonly load: TranscodeLoad | undefined;
}

/** What is encoded for whom. */
interface Job {
  plan: StreamPlan;
  readonly publisher: Publisher;
  readonly presentation: Presentation;
}

export class Encoding {
  readonly #options: EncodingOptions;
  readonly #context: EncodingContext;
  readonly #place: TranscodePlace;
  readonly #withdrawn = new Map<string, Withdrawal>();
  #job: Job | undefined;
  #transcoder: Transcoder | undefined;
  #finishing: Promise<void> = Promise.resolve();
  /** Of transcoders before this one. */
  #restarts = 0;
  #droppedTags = 0;

  constructor(options: EncodingOptions, context: EncodingContext) {
    this.#options = options;
    this.#context = context;
    this.#place = new TranscodePlace(options.capacity);
  }

  /** Of the epoch, without what was withdrawn since it began. */
  get plan(): StreamPlan | undefined {
    return this.#job?.plan;
  }

  get withdrawn(): readonly Withdrawal[] {
    return [...this.#withdrawn.values()];
  }

  /** Undefined when nothing is encoded. */
  get state(): EncodingState | undefined {
    const transcoder = this.#transcoder;
    if (transcoder === undefined) return undefined;
    return {
      renditions: transcoder.renditions,
      restarts: this.#restarts + transcoder.restarts,
      droppedTags: this.#droppedTags + transcoder.droppedTags,
      load: transcoder.load,
    };
  }

  /** Asks for the right to encode pictures. @returns why not; undefined when the stream has it */
  admit(): string | undefined {
    return this.#place.take();
  }

  /** Gives that right back. */
  release(): void {
    this.#place.release();
  }

  /** An epoch begins; the FFmpeg of the one before has finished or was discarded. */
  begin(plan: StreamPlan, publisher: Publisher, presentation: Presentation): void {
    this.#job = { plan, publisher, presentation };
    this.#start(this.#job, false);
  }

  /** The publisher has sent a tag of this time. */
  note(kind: 'video' | 'audio', dts: Milliseconds): void {
    this.#transcoder?.note(kind, dts);
  }

  /** All FFmpeg was given goes through. Resolves when it is gone; what it makes until then is used. Never rejects. */
  finish(): Promise<void> {
    const transcoder = this.#transcoder;
    this.#transcoder = undefined;
    if (transcoder === undefined) return this.#finishing;
    this.#restarts += transcoder.restarts;
    this.#droppedTags += transcoder.droppedTags;
    this.#finishing = transcoder.finish();
    return this.#finishing;
  }

  /** FFmpeg ends at once, and nothing that it still makes is used. */
  discard(): void {
    this.#transcoder?.discard();
    this.#transcoder = undefined;
  }

  /** Nobody waits for it. */
  #finishInTime(): void {
    this.#context.domain.run('ffmpeg of withdrawn renditions', () => this.finish());
  }

  #start(job: Job, continues: boolean): void {
    const { ffmpeg, childSettings, ledger, clock, logger } = this.#options;
    const { plan, publisher, presentation } = job;
    const wanted = transcodePlan(plan, this.#options);
    if (byCost(plan.renditions).length === 0) this.#place.release();
    if (wanted === undefined || ffmpeg === undefined) {
      // Nobody would take from it.
      publisher.subscription.close();
      return;
    }
    const transcoder = new Transcoder({
      ffmpeg,
      childSettings,
      ledger,
      plan: wanted,
      continues,
      publisher,
      presentation,
      clock,
      domain: this.#context.domain,
      // FFmpeg's room knows no names, and many of them run side by side.
      logger: withFields(logger, this.#context.fields),
      onFailed: (error) => {
        if (this.#transcoder === transcoder) this.#onFailed(job, error);
      },
      onLoad: (load) => {
        if (this.#transcoder === transcoder && load.overloaded && this.#options.shedsOnOverload) this.#shed(job, load);
      },
    });
    this.#transcoder = transcoder;
    transcoder.start();
  }

  /** It will not be started again: its pictures go, and its sound is tried alone. */
  #onFailed(job: Job, error: SluiceError): void {
    const { renditions } = job.plan;
    const rungs = byCost(renditions).map(({ name }) => name);
    const encoded = renditions.filter(({ mode }) => mode === 'encode').map(({ name }) => name);
    this.#withdraw(job, rungs.length > 0 ? rungs : encoded, 'failed', error.message);
    this.#goOn(job, error);
  }

  /** The dearest rung goes; the last picture there is stays, however late it comes. */
  #shed(job: Job, load: TranscodeLoad): void {
    const [dearest, ...cheaper] = byCost(job.plan.renditions);
    const copied = job.plan.renditions.some(({ kind, mode }) => kind === 'video' && mode === 'copy');
    if (dearest === undefined || (cheaper.length === 0 && !copied)) return;
    this.#options.capacity.noteShed();
    const figures = `speed ${load.speed.toFixed(2)}, ${Math.round(load.lag)} ms behind`;
    this.#withdraw(job, [dearest.name], 'overload', `FFmpeg does not keep up (${figures})`);
    this.#goOn(job, pipelineError('pipeline.withdrawn', `nothing is left to serve: ${figures}`));
  }

  #withdraw(job: Job, names: readonly string[], reason: Withdrawal['reason'], text: string): void {
    for (const name of names) {
      this.#withdrawn.set(name, { name, reason });
      job.presentation.withdraw(name);
    }
    const renditions = job.plan.renditions.filter(({ name }) => !names.includes(name));
    job.plan = { ...job.plan, renditions };
    const fields = { ...this.#context.fields, code: 'pipeline.withdrawn', renditions: names, reason };
    this.#options.logger.warn(fields, `renditions withdrawn: ${text}`);
  }

  /** After a withdrawal: FFmpeg makes what is left, or nobody does. */
  #goOn(job: Job, cause: SluiceError): void {
    const { plan, publisher } = job;
    const hasVideo = plan.renditions.some(({ kind }) => kind === 'video');
    const wantsVideo = plan.source.video !== undefined && this.#options.ladder.some((name) => name !== 'audio');
    if (plan.renditions.length === 0 || (wantsVideo && !hasVideo)) {
      this.#context.onExhausted(publisher, cause);
      return;
    }
    const wanted = transcodePlan(plan, this.#options);
    if (byCost(plan.renditions).length === 0) this.#place.release();
    if (wanted === undefined) this.#finishInTime();
    else if (this.#transcoder?.failed === false) this.#transcoder.replace(wanted);
    else {
      this.#finishInTime();
      publisher.subscribe();
      this.#start(job, true);
    }
  }
}
