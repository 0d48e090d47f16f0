// Shows the operator's picture or clip to viewers while the publisher is away, as if somebody published it.
import { LiveStream } from '../live/stream.js';
import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import type { Milliseconds, Seconds } from '../protocols/units.js';
import type { ChildSettings } from '../transcode/child-settings.js';
import type { SlateSpec } from '../transcode/slate-arguments.js';
import { SlateSource } from '../transcode/slate-source.js';
import { pipelineError } from './errors.js';
import type { StreamPlan } from './stream-plan.js';

export interface SlateOptions {
  readonly app: string;
  readonly name: string;
  /** Absolute path of an image or clip; undefined if none is shown. */
  readonly slate?: string | undefined;
  readonly ffmpeg: { readonly path: string } | undefined;
  readonly childSettings?: ChildSettings | undefined;
  readonly segmentDuration: Seconds;
  readonly maxGop: Seconds;
  readonly clock: Clock;
}

export interface SlateContext {
  /** Owns its FFmpeg and its callbacks. */
  readonly domain: FailureDomain;
  /** Stream time at which the timeline continues. */
  readonly resumeTime: () => Milliseconds | undefined;
  /** Called with the stream of the slate before its first tag. The stream ends with the slate, or by itself if it fails. */
  readonly onStream: (stream: LiveStream) => void;
  readonly onFailed: (error: SluiceError) => void;
}

/** The slate of one name; it can be played again and again. */
export class Slate {
  readonly #options: SlateOptions;
  readonly #context: SlateContext;
  #source: SlateSource | undefined;
  #stream: LiveStream | undefined;
  #gone: Promise<void> = Promise.resolve();
  /** Whether the file could not be played: it is not tried again while the publisher is away. */
  #failed = false;

  constructor(options: SlateOptions, context: SlateContext) {
    this.#options = options;
    this.#context = context;
  }

  /**
   * Plays in the format of the publisher: `SlateContext.onStream` gets a stream, which the pipeline serves like that of a publisher. Does
   * nothing without a file, while the slate plays already, and after a failure. Never throws.
   */
  play(plan: StreamPlan): void {
    const { slate: file, ffmpeg } = this.#options;
    if (file === undefined || this.#source !== undefined || this.#failed) return;
    const reason = ffmpeg === undefined ? 'there is no FFmpeg' : reasonAgainstSlate(plan);
    if (ffmpeg === undefined || reason !== undefined) {
      this.#fail(pipelineError('pipeline.slate', `no slate is shown: ${reason}`));
      return;
    }
    this.#start(slateSpec(plan, file, this.#options), ffmpeg);
  }

  /** Call when a publisher is back: at its next absence the file is tried again. */
  allowRetry(): void {
    this.#failed = false;
  }

  /** Stops at once: its stream has ended when this returns. Resolves when its FFmpeg has ended. Idempotent. */
  stop(): Promise<void> {
    const source = this.#source;
    const stream = this.#stream;
    this.#source = undefined;
    this.#stream = undefined;
    if (source !== undefined) this.#gone = source.stop();
    stream?.end();
    return this.#gone;
  }

  #start(slate: SlateSpec, ffmpeg: { readonly path: string }): void {
    const { childSettings, clock } = this.#options;
    const source = new SlateSource({
      ffmpeg,
      slate,
      clock,
      domain: this.#context.domain,
      ...(childSettings && { childSettings }),
      onTag: ({ type, timestamp, body }) => {
        this.#stream ??= this.#open();
        // Copied, because a small view would keep the whole pipe buffer in memory, by way of the GOP cache.
        this.#stream.publish(type, timestamp, Buffer.from(body));
      },
      onFailed: ({ message }) => {
        if (this.#source !== source) return;
        this.#fail(pipelineError('pipeline.slate', `the slate cannot be played: ${message}`));
        this.#stopInBackground();
      },
    });
    this.#source = source;
  }

  /** Stops the slate while nobody waits for it. */
  #stopInBackground(): void {
    this.#context.domain.run('slate stop', () => this.stop());
  }

  #open(): LiveStream {
    const { app, name, clock } = this.#options;
    const timelineOrigin = this.#context.resumeTime();
    const stream = new LiveStream({
      app,
      name,
      startedAt: clock.wallClock(),
      clock,
      ...(timelineOrigin !== undefined && { timelineOrigin }),
    });
    // The code that kicks the stream also logs the reason.
    stream.onKick(() => {
      this.#failed = true;
      this.#stopInBackground();
    });
    this.#stream = stream;
    this.#context.onStream(stream);
    return stream;
  }

  #fail(error: SluiceError): void {
    this.#failed = true;
    this.#context.onFailed(error);
  }
}

/**
 * The slate is always H.264 and AAC, and players need not support a change of codec within a rendition.
 * @returns why it cannot be shown
 */
function reasonAgainstSlate({ source: { video, audio }, renditions }: StreamPlan): string | undefined {
  const copied = new Set(renditions.filter(({ mode }) => mode === 'copy').map(({ kind }) => kind));
  if (video === undefined) return 'the stream has no pictures';
  if (video.codec !== 'avc' && copied.has('video')) return `the pictures are ${video.codec}, a slate is H.264`;
  if (audio !== undefined && audio.codec !== 'aac' && copied.has('audio')) {
    return `the sound is ${audio.codec}, that of a slate is AAC`;
  }
  return undefined;
}

/** Upper limit, because metadata or headers may claim more than an encoder can make. */
const MAX_FRAME_RATE = 120;
const SILENCE = { sampleRate: 48_000, channels: 2 };

function slateSpec(
  { source: { video, audio }, renditions }: StreamPlan,
  file: string,
  { segmentDuration, maxGop }: Pick<SlateOptions, 'segmentDuration' | 'maxGop'>,
): SlateSpec {
  const { width = 1280, height = 720, frameRate = 30 } = video ?? {};
  const heard = audio !== undefined && renditions.some(({ kind }) => kind === 'audio');
  const { sampleRate = SILENCE.sampleRate, channels = SILENCE.channels } = audio ?? {};
  return {
    file,
    width: even(width),
    height: even(height),
    frameRate: Math.min(MAX_FRAME_RATE, Math.max(1, frameRate)),
    // At least two key frames per segment: the cut schedule must get the first one before it has to cut without one.
    keyFrameInterval: segmentDuration / Math.max(2, Math.floor(segmentDuration / maxGop) + 1),
    ...(heard && { audio: { sampleRate, channels } }),
  };
}

/** 4:2:0 requires even sizes. */
function even(length: number): number {
  return Math.max(2, length - (length % 2));
}
