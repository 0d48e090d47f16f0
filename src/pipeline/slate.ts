// Shows the operator's picture or clip to viewers while a publisher is away, as if somebody published it.
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
  /** Absolute path of an image or clip; undefined: nothing is shown. */
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
  /** Time at which the timeline continues. */
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
  /** A file that could not be played is not tried again during the same absence of the publisher. */
  #failed = false;

  constructor(options: SlateOptions, context: SlateContext) {
    this.#options = options;
    this.#context = context;
  }

  /**
   * Plays in the format of the publisher: `SlateContext.onStream` gets a stream, which the pipeline serves like that of a publisher. Does nothing without a file, while it already plays, and after it failed. Never throws.
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

  /** A publisher is back: when it leaves again, the file is tried again. */
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
        // Copied: a small view would keep the whole pipe buffer in memory in the GOP cache.
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

  /** Stops without anybody waiting. */
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
    // Whoever cannot serve it logs the reason.
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

/** Players need not support a change of codec within a rendition: the slate is always H.264 and AAC. */
function reasonAgainstSlate({ source: { video, audio }, renditions }: StreamPlan): string | undefined {
  const copied = new Set(renditions.filter(({ mode }) => mode === 'copy').map(({ kind }) => kind));
  if (video === undefined) return 'the stream has no pictures';
  if (video.codec !== 'avc' && copied.has('video')) return `the pictures are ${video.codec}, a slate is H.264`;
  if (audio !== undefined && audio.codec !== 'aac' && copied.has('audio')) {
    return `the sound is ${audio.codec}, that of a slate is AAC`;
  }
  return undefined;
}

/** Upper limit, because metadata or headers may claim more than an encoder can do. */
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
    // At least two per segment: the cut schedule must see the first before it would have to cut without one.
    keyFrameInterval: segmentDuration / Math.max(2, Math.floor(segmentDuration / maxGop) + 1),
    ...(heard && { audio: { sampleRate, channels } }),
  };
}

/** 4:2:0 requires even sizes. */
function even(length: number): number {
  return Math.max(2, length - (length % 2));
}
