// Runs FFmpeg for a stream, period after period: encodes as much of the ladder as FFmpeg can handle, and never harms the renditions that
// are not encoded.
import type { Logger } from '../contracts/logger.js';
import type { Presentation } from '../hls/presentation.js';
import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import type { Seconds } from '../protocols/units.js';
import type { ChildSettings } from '../transcode/child-settings.js';
import type { TranscodeLoad } from '../transcode/load-meter.js';
import { type Capacity, TranscodePlace } from './capacity.js';
import { pipelineError } from './errors.js';
import type { Publisher } from './publisher.js';
import { byCost, needsEncodedVideo, type StreamPlan, transcodePlan } from './stream-plan.js';
import { Transcoder } from './transcoder.js';
import { withFields } from './with-fields.js';

export interface EncodingOptions {
  /** Undefined if no FFmpeg was found. */
  readonly ffmpeg: { readonly path: string } | undefined;
  /** How to run FFmpeg. */
  readonly childSettings?: ChildSettings | undefined;
  readonly ladder: readonly string[];
  readonly partDuration: Seconds;
  readonly segmentDuration: Seconds;
  /** Whether renditions are withdrawn when FFmpeg does not keep up. If false, all of them stay. */
  readonly shedsOnOverload: boolean;
  readonly capacity: Pick<Capacity, 'admit' | 'noteShed'>;
  readonly logger: Logger;
  readonly clock: Clock;
}

export interface EncodingContext {
  /** Owns FFmpeg and all work related to it. */
  readonly domain: FailureDomain;
  /** Fields added to each log line. */
  readonly fields: object;
  /** Called when nothing is left that viewers could watch. */
  readonly onExhausted: (publisher: Publisher, cause: SluiceError) => void;
}

/** A rendition that was withdrawn from a running stream. */
export interface Withdrawal {
  readonly name: string;
  readonly reason: 'failed' | 'overload';
}

export interface EncodingState {
  /** Names of the renditions that FFmpeg makes now. */
  readonly renditions: readonly string[];
  readonly restarts: number;
  readonly droppedTags: number;
  readonly load: TranscodeLoad | undefined;
}

/** The current encoding, and its publisher. */
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
  /** Runs FFmpeg for this job; undefined if nothing is encoded. */
  transcoder: Transcoder | undefined;
  #finishing: Promise<void> = Promise.resolve();
  /** Number of restarts by earlier transcoders. */
  #restarts = 0;
  #droppedTags = 0;

  constructor(options: EncodingOptions, context: EncodingContext) {
    this.#options = options;
    this.#context = context;
    this.#place = new TranscodePlace(options.capacity);
  }

  /** Plan of the current period, without renditions that were withdrawn since it began. */
  get plan(): StreamPlan | undefined {
    return this.#job?.plan;
  }

  get withdrawn(): readonly Withdrawal[] {
    return [...this.#withdrawn.values()];
  }

  /** Undefined if nothing is encoded. */
  get state(): EncodingState | undefined {
    const transcoder = this.transcoder;
    if (transcoder === undefined) return undefined;
    return {
      renditions: transcoder.renditions,
      restarts: this.#restarts + transcoder.restarts,
      droppedTags: this.#droppedTags + transcoder.droppedTags,
      load: transcoder.load,
    };
  }

  /** Requests the right to encode pictures. @returns the reason of a refusal; undefined if the stream has the right */
  admit(): string | undefined {
    return this.#place.take();
  }

  /** Gives that right back. */
  release(): void {
    this.#place.release();
  }

  /** Call when a period begins; the FFmpeg of the previous period has finished or was discarded. */
  begin(plan: StreamPlan, publisher: Publisher, presentation: Presentation): void {
    this.#job = { plan, publisher, presentation };
    this.#start(this.#job, false);
  }

  /** Lets FFmpeg finish everything it was given, and uses its output. Resolves when FFmpeg has ended. Never rejects. */
  finish(): Promise<void> {
    const transcoder = this.transcoder;
    this.transcoder = undefined;
    if (transcoder === undefined) return this.#finishing;
    this.#restarts += transcoder.restarts;
    this.#droppedTags += transcoder.droppedTags;
    this.#finishing = transcoder.finish();
    return this.#finishing;
  }

  /** Kills FFmpeg and discards its remaining output. */
  discard(): void {
    this.transcoder?.discard();
    this.transcoder = undefined;
  }

  /** Lets FFmpeg finish while nobody waits for it. */
  #finishInBackground(): void {
    this.#context.domain.run('ffmpeg of withdrawn renditions', () => this.finish());
  }

  #start(job: Job, continues: boolean): void {
    const { ffmpeg, childSettings, clock, logger } = this.#options;
    const { plan, publisher, presentation } = job;
    const wanted = transcodePlan(plan, this.#options);
    if (byCost(plan.renditions).length === 0) this.#place.release();
    if (wanted === undefined || ffmpeg === undefined) {
      // Nobody would read from this subscription.
      publisher.subscription.close();
      return;
    }
    const transcoder = new Transcoder({
      ffmpeg,
      childSettings,
      plan: wanted,
      continues,
      publisher,
      presentation,
      clock,
      domain: this.#context.domain,
      // The supervisor of FFmpeg does not know stream names, and several run at the same time.
      logger: withFields(logger, this.#context.fields),
      onFailed: (error) => {
        if (this.transcoder === transcoder) this.#onFailed(job, error);
      },
      onLoad: (load) => {
        if (this.transcoder === transcoder && load.overloaded && this.#options.shedsOnOverload) this.#shed(job, load);
      },
    });
    this.transcoder = transcoder;
    transcoder.start();
  }

  /** FFmpeg will not be restarted: withdraw its pictures and try to encode the audio alone. */
  #onFailed(job: Job, error: SluiceError): void {
    const { renditions } = job.plan;
    const rungs = byCost(renditions).map(({ name }) => name);
    const encoded = renditions.filter(({ mode }) => mode === 'encode').map(({ name }) => name);
    this.#withdraw(job, rungs.length > 0 ? rungs : encoded, 'failed', error.message);
    this.#goOn(job, error);
  }

  /** Withdraws the most expensive rendition. The last one that every browser can show stays, however late it is. */
  #shed(job: Job, load: TranscodeLoad): void {
    const [dearest, ...cheaper] = byCost(job.plan.renditions);
    const copied = job.plan.renditions.some(({ kind, mode }) => kind === 'video' && mode === 'copy');
    const copyIsEnough = copied && !needsEncodedVideo(job.plan);
    if (dearest === undefined || (cheaper.length === 0 && !copyIsEnough)) return;
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

  /** After a withdrawal: lets FFmpeg make the remaining renditions, or ends it if there are none. */
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
    if (wanted === undefined) this.#finishInBackground();
    else if (this.transcoder?.failed === false) this.transcoder.replace(wanted);
    else {
      this.#finishInBackground();
      publisher.subscribe();
      this.#start(job, true);
    }
  }
}
