// One stream's way through the house: tags from live into FFmpeg, FFmpeg's fragments into hls, and every end of it tidied up.
import type { Origin } from '../hls/origin.js';
import { Presentation, type PresentationOptions } from '../hls/presentation.js';
import type { LiveStream } from '../live/stream.js';
import type { Subscription } from '../live/subscription.js';
import type { LiveTag } from '../live/tag.js';
import type { Clock } from '../protocols/clock.js';
import { SluiceError } from '../protocols/errors.js';
import { StateMachine } from '../protocols/state-machine.js';
import type { EpochMilliseconds, Seconds } from '../protocols/units.js';
import { describeSource, type SourceDescription } from '../transcode/describe-source.js';
import { fitLadder } from '../transcode/ladder.js';
import type { TranscodeProgress } from '../transcode/progress.js';
import type { TranscodePlan } from '../transcode/rendition-spec.js';
import { TranscodeSupervisor } from '../transcode/supervisor.js';
import { pipelineError } from './errors.js';
import { FlvFeed } from './flv-feed.js';
import { TrackDecision } from './track-decision.js';

/**
 * ```
 * waiting ──tracks known──▶ running ──publisher gone──▶ draining ──FFmpeg flushed, ENDLIST──▶ ended
 *    │                         └──────FFmpeg given up─────▶┘                                   ▲
 *    └──publisher gone, or its media cannot be served──────────────────────────────────────────┘
 * ```
 */
export type PipelineState = 'waiting' | 'running' | 'draining' | 'ended';

/** Bytes of media that may wait for FFmpeg: 10 s at 12 Mbit/s. Beyond it the oldest go, up to the next key frame. */
const FEED_QUEUE_BYTES = 16 * 1024 * 1024;

export interface PipelineLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface StreamPipelineOptions {
  readonly stream: LiveStream;
  readonly origin: Origin;
  readonly ffmpeg: { readonly path: string };
  readonly ladder: readonly string[];
  readonly partDuration: Seconds;
  /**
   * The earlier stream of this name, while it is still being flushed: its last segments take sequence numbers, so the new
   * presentation begins after it. Never rejects.
   */
  readonly predecessor: Promise<void> | undefined;
  /** What the presentation needs beyond the plan; asked once, when the tracks are known. */
  readonly presentation: () => Omit<
    PresentationOptions,
    'app' | 'name' | 'plan' | 'partDuration' | 'clock' | 'firstArrival' | 'onWarning'
  >;
  readonly logger: PipelineLogger;
  readonly clock: Clock;
  /** The stream cannot be served (any longer): its publisher should be told why. */
  readonly onFailed: (error: SluiceError) => void;
  /** The presentation has used its last sequence number. */
  readonly onEnded: (presentation: Presentation) => void;
}

export class StreamPipeline {
  readonly stream: LiveStream;
  readonly #options: StreamPipelineOptions;
  readonly #state = new StateMachine<PipelineState>('pipeline', 'waiting', {
    waiting: ['running', 'ended'],
    running: ['draining'],
    draining: ['ended'],
    ended: [],
  });
  readonly #tracks: TrackDecision;
  readonly #subscription: Subscription;
  readonly #leave: () => void;
  /** Seen before the tracks were known: the cut schedule must not miss the first key frame. */
  #early: LiveTag[] = [];
  /** Wall clock at the first of `#early`. */
  #firstArrival: EpochMilliseconds | undefined;
  #feed: FlvFeed | undefined;
  #supervisor: TranscodeSupervisor | undefined;
  #presentation: Presentation | undefined;
  #source: SourceDescription | undefined;
  #progress: TranscodeProgress | undefined;
  #ended: Promise<void> | undefined;
  /** Codes of the warnings about the publisher's media that are in the log already. */
  readonly #warned = new Set<string>();

  constructor(options: StreamPipelineOptions) {
    const { stream, origin } = options;
    this.#options = options;
    this.stream = stream;
    this.#tracks = new TrackDecision({ clock: options.clock, onDecided: (tracks) => void this.#begin(tracks) });
    // From the first tag on: what arrives while the tracks are undecided and FFmpeg starts waits here.
    this.#subscription = stream.subscribe({ maxBytes: FEED_QUEUE_BYTES, onReadable: () => this.#feed?.pump() });
    this.#leave = stream.on({
      onTag: (tag) => this.#onTag(tag),
      onEnd: () => void this.end(),
      onWarning: (warning) => this.#warnOnce(warning),
    });
    origin.starting(stream.app, stream.name);
  }

  get state(): PipelineState {
    return this.#state.state;
  }

  /** What the sequence headers said; undefined while the tracks are not known. */
  get source(): SourceDescription | undefined {
    return this.#source;
  }

  get presentation(): Presentation | undefined {
    return this.#presentation;
  }

  get progress(): TranscodeProgress | undefined {
    return this.#progress;
  }

  /** Flushes FFmpeg, ends the playlists and resolves when the disk copy has caught up. Idempotent. */
  end(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    this.#leave();
    this.#tracks.close();
    if (this.#state.is('waiting')) {
      this.#options.origin.abandoned(this.stream.app, this.stream.name);
    } else {
      this.#state.to('draining');
      // What is queued was received from the publisher: it goes out before the input ends.
      this.#feed?.finish();
      await this.#supervisor?.stop();
      if (this.#presentation !== undefined) {
        await this.#presentation.end();
        this.#options.onEnded(this.#presentation);
      }
    }
    this.#subscription.close();
    this.#state.to('ended');
  }

  /** Of each kind the first: a publisher may repeat what is wrong as often as it likes. */
  #warnOnce({ code, message }: SluiceError): void {
    if (this.#warned.has(code)) return;
    this.#warned.add(code);
    const { app, name } = this.stream;
    this.#options.logger.warn({ app, stream: name, code }, `part of what the publisher sends is left out: ${message}`);
  }

  #onTag(tag: LiveTag): void {
    if (this.#presentation === undefined) {
      if (!tag.sequenceHeader && tag.kind !== 'script') {
        this.#firstArrival ??= this.#options.clock.wallClock();
        this.#early.push(tag);
      }
      this.#tracks.note(tag);
    } else {
      this.#note(this.#presentation, tag);
    }
  }

  #note(presentation: Presentation, tag: LiveTag): void {
    if (tag.sequenceHeader) return;
    if (tag.kind === 'video') presentation.noteVideo(tag.dts, tag.dts + tag.compositionTime, tag.keyFrame);
    else if (tag.kind === 'audio') presentation.noteAudio(tag.dts);
  }

  async #begin(tracks: { readonly video: boolean; readonly audio: boolean }): Promise<void> {
    const { stream, logger, predecessor } = this.#options;
    await predecessor;
    if (!this.#state.is('waiting')) return;
    try {
      const plan = this.#plan(tracks);
      this.#state.to('running');
      this.#start(plan, tracks);
    } catch (error) {
      const failure = sluiceError(error);
      logger.warn({ app: stream.app, stream: stream.name, code: failure.code, err: error }, 'stream cannot be served');
      this.#options.onFailed(failure);
    }
  }

  #plan(tracks: { readonly video: boolean; readonly audio: boolean }): TranscodePlan {
    const { stream, ladder, partDuration } = this.#options;
    const { frameRate, videoBitrate, audioBitrate } = stream.metadataHints;
    const measured = measureFrameRate(this.#early);
    // Codecs without a sequence header are described by any of their frames.
    const audioHeader = stream.audioHeader ?? this.#early.find(({ kind }) => kind === 'audio');
    const source = describeSource({
      ...(tracks.video && stream.videoHeader && { videoHeader: stream.videoHeader.body }),
      ...(tracks.audio && audioHeader && { audioHeader: audioHeader.body }),
      metadata: {
        ...(frameRate !== undefined && { frameRate }),
        ...(measured !== undefined && { measuredFrameRate: measured }),
        ...(videoBitrate !== undefined && { videoBitrate }),
        ...(audioBitrate !== undefined && { audioBitrate }),
      },
    });
    this.#source = source;
    return { source, renditions: fitLadder(ladder, source), partDuration };
  }

  #start(plan: TranscodePlan, tracks: { readonly video: boolean; readonly audio: boolean }): void {
    const { stream, origin, logger, ffmpeg, clock } = this.#options;
    const context = { app: stream.app, stream: stream.name };
    const presentation = new Presentation({
      ...this.#options.presentation(),
      app: stream.app,
      name: stream.name,
      plan: { renditions: plan.renditions },
      partDuration: plan.partDuration,
      clock,
      firstArrival: this.#firstArrival,
      onWarning: (warning) => logger.warn({ ...context, code: warning.code }, warning.message),
    });
    this.#presentation = presentation;
    for (const tag of this.#early) this.#note(presentation, tag);
    this.#early = [];
    origin.attach(presentation);

    const supervisor = new TranscodeSupervisor({
      ffmpeg,
      plan,
      clock,
      logger,
      onOutput: (index, bytes) => {
        try {
          presentation.write(index, bytes);
        } catch (error) {
          // Thrown on, it would end the process and with it every other stream.
          const rendition = plan.renditions[index]?.name;
          const reason = sluiceError(error);
          logger.warn({ ...context, rendition, code: reason.code, err: error }, 'output of FFmpeg cannot be used');
          supervisor.reject(reason);
        }
      },
      onStart: (generation) => {
        if (generation > 1) presentation.restart();
        this.#feed?.begin();
      },
      onDrain: () => this.#feed?.resume(),
      onProgress: (progress) => {
        this.#progress = progress;
      },
      onFailed: (error) => {
        logger.error({ ...context, code: error.code, err: error }, 'transcoder given up');
        this.#options.onFailed(error);
      },
    });
    this.#supervisor = supervisor;
    this.#feed = new FlvFeed({ subscription: this.#subscription, sink: supervisor, ...tracks });
    logger.info(
      { ...context, renditions: plan.renditions.map(({ name }) => name), source: plan.source },
      'stream started',
    );
    supervisor.start();
  }
}

function sluiceError(error: unknown): SluiceError {
  return error instanceof SluiceError ? error : pipelineError('pipeline.failed', String(error), { cause: error });
}

/** Frames per second of a run of tags; undefined when it is too short to say. */
function measureFrameRate(tags: readonly LiveTag[]): number | undefined {
  const times = tags.filter(({ kind }) => kind === 'video').map(({ dts }) => dts);
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined || times.length < 10) return undefined;
  return ((times.length - 1) * 1000) / (last - first);
}
