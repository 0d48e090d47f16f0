// FFmpeg for one period: feeds it from the publisher, puts its output into the presentation, and handles its failures.
import type { Logger } from '../contracts/logger.js';
import type { Presentation } from '../hls/presentation.js';
import type { Rendition } from '../hls/window/rendition.js';
import type { Subscription } from '../live/subscription.js';
import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import { type Milliseconds, secondsToMilliseconds } from '../protocols/units.js';
import type { ChildSettings } from '../transcode/child-settings.js';
import type { TranscodeLoad } from '../transcode/load-meter.js';
import type { TranscodeProgress } from '../transcode/progress.js';
import { fedTracks, type TranscodePlan, type WantedFrom } from '../transcode/rendition-spec.js';
import { TranscodeSupervisor } from '../transcode/supervisor.js';
import { asSluiceError } from './errors.js';
import { FlvFeed } from './flv-feed.js';
import { FEED_QUEUE_BYTES, type Publisher } from './publisher.js';

/** Media that may wait for FFmpeg. Older pictures are not worth encoding in a live stream. */
const MAX_BEHIND: Milliseconds = 10_000;

/** After a shorter pause, FFmpeg makes the silence for it in far less than a second. */
const LONG_SOUND_PAUSE: Milliseconds = 20_000;

export interface TranscoderOptions {
  readonly ffmpeg: { readonly path: string };
  readonly childSettings: ChildSettings | undefined;
  readonly plan: TranscodePlan;
  /** Whether there was an earlier transcoder in this period, which did not reach its end. */
  readonly continues: boolean;
  readonly publisher: Publisher;
  readonly presentation: Presentation;
  readonly clock: Clock;
  readonly domain: FailureDomain;
  /** Adds the name of the stream to each line. */
  readonly logger: Logger;
  /** Called when FFmpeg will not be restarted any more. */
  readonly onFailed: (error: SluiceError) => void;
  readonly onLoad: (load: TranscodeLoad) => void;
}

export class Transcoder {
  readonly #options: TranscoderOptions;
  readonly #supervisor: TranscodeSupervisor;
  #feed: FlvFeed;
  #fed: ReturnType<typeof fedTracks>;
  #subscription: Subscription;
  /** Whether the first output begins the period, because there was none before it. */
  #fresh: boolean;
  /** Number of segments with media in its renditions when FFmpeg started. */
  #segmentsAtStart = 0;
  /** Number of parts at that time. */
  #partsAtStart = 0;
  /** Presentation time of the first picture or sample in the input of the starting FFmpeg. */
  #inputFrom: Milliseconds | undefined;
  #progress: TranscodeProgress | undefined;
  #load: TranscodeLoad | undefined;
  /** Number of tags dropped by earlier feeds. */
  #droppedTags = 0;
  /** Time of the last audio frame. */
  #sound: Milliseconds | undefined;
  #finished: Promise<void> | undefined;
  #discarded = false;

  constructor(options: TranscoderOptions) {
    const { ffmpeg, childSettings, plan, presentation, clock, domain, logger, publisher } = options;
    this.#options = options;
    this.#fresh = !options.continues;
    this.#subscription = publisher.subscription;
    this.#supervisor = new TranscodeSupervisor({
      ffmpeg,
      plan,
      clock,
      domain,
      logger,
      ...(childSettings && { childSettings }),
      onOutput: (rendition, bytes) => this.#write(rendition, bytes),
      onStart: () => {
        if (!this.#fresh) presentation.pipesRestarted(this.renditions, this.#inputFrom ?? Number.POSITIVE_INFINITY);
        this.#fresh = false;
        this.#segmentsAtStart = this.#segments;
        this.#partsAtStart = this.#parts;
        this.#feed.begin(publisher.media.pausedSound);
      },
      wantedFrom: () => this.#wantedFrom(),
      onExit: ({ error }) => {
        // If FFmpeg made no progress, its input may have made it crash: the next one does not get the same input.
        if (error !== undefined) this.#feed.interrupted(this.#parts > this.#partsAtStart);
      },
      delivered: () => this.#segments > this.#segmentsAtStart,
      firstPicture: () => this.#feed.firstPicture(),
      onDrain: () => this.#feed.resume(),
      onProgress: (progress) => {
        this.#progress = progress;
      },
      onLoad: (load) => {
        this.#load = load;
        options.onLoad(load);
      },
      onFailed: options.onFailed,
    });
    this.#feed = this.#newFeed(plan);
    this.#fed = fedTracks(plan);
  }

  /** Names of the renditions that it makes. */
  get renditions(): string[] {
    return this.#supervisor.plan.renditions.map(({ name }) => name);
  }

  /** Whether it has given up. */
  get failed(): boolean {
    return this.#supervisor.state === 'failed';
  }

  get progress(): TranscodeProgress | undefined {
    return this.#progress;
  }

  get load(): TranscodeLoad | undefined {
    return this.#load;
  }

  /** Number of starts of FFmpeg after the first. */
  get restarts(): number {
    return Math.max(0, this.#supervisor.generation - 1);
  }

  /** Number of tags dropped because FFmpeg was too slow. */
  get droppedTags(): number {
    return this.#droppedTags + this.#feed.droppedTags;
  }

  /** Number of complete segments with media in its renditions. */
  get #segments(): number {
    return this.#sum(({ segments }) => segments);
  }

  get #parts(): number {
    return this.#sum(({ parts }) => parts);
  }

  #sum(of: (rendition: Pick<Rendition, 'segments' | 'parts'>) => number): number {
    return this.#listed.reduce((sum, rendition) => sum + (rendition === undefined ? 0 : of(rendition)), 0);
  }

  /** In the order of the plan; undefined for a rendition that never existed. */
  get #listed(): (Rendition | undefined)[] {
    return this.renditions.map((name) => this.#options.presentation.anyRendition(name));
  }

  /** End of the media of each rendition. */
  get #ends(): (Milliseconds | undefined)[] {
    return this.#listed.map((rendition) => rendition?.end && secondsToMilliseconds(rendition.end));
  }

  start(): void {
    this.#supervisor.start();
  }

  /** Call for each tag of the publisher. If there is video, audio does not count: FFmpeg cannot be late with pictures that nobody sent. */
  note(kind: 'video' | 'audio', dts: Milliseconds): void {
    if (kind === 'audio') this.#noteSound(dts);
    this.#feed.note(dts);
    if (this.#fed[kind]) this.#supervisor.noteReceived(dts, kind);
  }

  /**
   * When audio returns, FFmpeg makes silence for the whole pause at once. After a long pause that is too much, so FFmpeg is restarted
   * instead.
   */
  #noteSound(dts: Milliseconds): void {
    const pause = dts - (this.#sound ?? dts);
    this.#sound = dts;
    if (pause > LONG_SOUND_PAUSE && this.#fed.audio && !this.failed) this.replace(this.#supervisor.plan);
  }

  /** Makes fewer renditions from now on. FFmpeg gets its input from the last key frame on, because the queued tags are too old. */
  replace(plan: TranscodePlan): void {
    const { publisher } = this.#options;
    this.#droppedTags += this.#feed.droppedTags;
    this.#subscription.close();
    this.#subscription = publisher.subscribe();
    this.#feed = this.#newFeed(plan);
    this.#fed = fedTracks(plan);
    this.#supervisor.replacePlan(plan);
  }

  /** Waits until everything received so far has passed, and uses the output. Resolves when FFmpeg has ended. Never rejects; idempotent. */
  finish(): Promise<void> {
    this.#finished ??= this.#options.domain.settled('ffmpeg finish', () => this.#finish());
    return this.#finished;
  }

  /** Kills FFmpeg and discards its remaining output. */
  discard(): void {
    this.#discarded = true;
    this.#supervisor.kill();
    this.#subscription.close();
  }

  async #finish(): Promise<void> {
    try {
      this.#feed.finish();
    } finally {
      await this.#supervisor.stop();
      this.#subscription.close();
    }
  }

  #newFeed(plan: TranscodePlan): FlvFeed {
    const feed = new FlvFeed({
      subscription: this.#subscription,
      sink: this.#supervisor,
      ...fedTracks(plan),
      maxBehind: MAX_BEHIND,
      maxSentBytes: FEED_QUEUE_BYTES,
      madeUntil: () => Math.min(...this.#ends.map((end) => end ?? Number.NEGATIVE_INFINITY)),
    });
    this.#options.publisher.onReadable = () => feed.pump();
    return feed;
  }

  /** The positions up to which the previous FFmpeg has delivered media, so that nothing is encoded twice. */
  #wantedFrom(): WantedFrom {
    const { plan } = this.#supervisor;
    const begins = this.#feed.firstPicture();
    this.#inputFrom = begins;
    const wanted = new Map<string, Milliseconds>();
    if (this.#fresh || begins === undefined) return wanted;
    for (const [index, end] of this.#ends.entries()) {
      const spec = plan.renditions[index];
      if (spec === undefined || end === undefined || end <= begins) continue;
      // FFmpeg counts the times of regular key frames from the first picture that it encodes.
      const needsPicture = spec.kind === 'video' && plan.keyFrames === 'regular';
      const from = needsPicture ? this.#feed.pictureAt(end) : end;
      if (from !== undefined) wanted.set(spec.name, from);
    }
    return wanted;
  }

  #write(rendition: string, bytes: Buffer): void {
    const { presentation, logger } = this.#options;
    if (this.#discarded) return;
    try {
      presentation.write(rendition, bytes);
    } catch (error) {
      // Not rethrown, because the exception would end the process and all other streams.
      const reason = asSluiceError(error);
      logger.warn({ rendition, code: reason.code, err: error }, 'output of FFmpeg cannot be used');
      this.#supervisor.reject(reason);
    }
  }
}
