// The life of a name over several publishers: its media on the way into the playlists, and every change and end of it in order.
import type { Origin } from '../hls/origin.js';
import { Presentation, type PresentationOptions } from '../hls/presentation.js';
import type { LiveStream } from '../live/stream.js';
import type { LiveTag } from '../live/tag.js';
import type { SluiceError } from '../protocols/errors.js';
import { StateMachine } from '../protocols/state-machine.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../protocols/units.js';
import { describeSource, type SourceDescription } from '../transcode/describe-source.js';
import type { FlvReader } from '../transcode/readable-codecs.js';
import { Encoding, type EncodingOptions, type TranscodeState, type Withdrawal } from './encoding.js';
import { NativePackager } from './native-packager.js';
import { Publisher } from './publisher.js';
import { byCost, epochPlan, planStream, type StreamPlan } from './stream-plan.js';
import { asSluiceError } from './transcoder.js';

export type { TranscodeState, Withdrawal } from './encoding.js';
export type { PipelineLogger } from './pipeline-logger.js';

/**
 * ```
 *                          ┌──publisher back, tracks known──┐
 *                          ▼                                │
 * waiting ──tracks known──▶ running ──publisher gone──▶ suspended
 *    │                         │                            │ window over
 *    │                         └──no window, failed, close──┴──▶ draining ──FFmpeg flushed, ENDLIST──▶ ended
 *    └──publisher gone, or its media cannot be served───────────────────────────────────────────────────▲
 * ```
 */
export type PipelineState = 'waiting' | 'running' | 'suspended' | 'draining' | 'ended';

export interface StreamPipelineOptions extends EncodingOptions {
  readonly app: string;
  readonly name: string;
  readonly origin: Origin;
  /** Undefined: none was found. Then only what needs no encoding is served. */
  readonly ffmpeg: (FlvReader & { readonly path: string }) | undefined;
  /** How long the playlists wait for a publisher to come back; 0: they end with it. */
  readonly resumeWindow: Seconds;
  /** Groups of pictures that last longer make the source be encoded. */
  readonly maxGop: Seconds;
  /**
   * The earlier stream of this name, while it is still being flushed: its last segments take sequence numbers, so the new
   * presentation begins after it. Never rejects.
   */
  readonly predecessor: Promise<void> | undefined;
  /** What the presentation needs beyond the plan; asked once, when the tracks are known. */
  readonly presentation: () => Pick<
    PresentationOptions,
    | 'windowSegments'
    | 'dvrWindow'
    | 'event'
    | 'firstMediaSequence'
    | 'firstDiscontinuitySequence'
    | 'continuesEarlier'
    | 'store'
  >;
  /** This publisher cannot be served (any longer) and should be told why. */
  readonly onFailed: (stream: LiveStream, error: SluiceError) => void;
  /** The presentation has used its last sequence number. */
  readonly onEnded: (presentation: Presentation) => void;
}

export class StreamPipeline {
  readonly app: string;
  readonly name: string;
  readonly #options: StreamPipelineOptions;
  readonly #context: { readonly app: string; readonly stream: string };
  readonly #state = new StateMachine<PipelineState>('pipeline', 'waiting', {
    waiting: ['running', 'ended'],
    running: ['suspended', 'draining'],
    suspended: ['running', 'draining'],
    draining: ['ended'],
    ended: [],
  });
  /** The publisher that is attached, or whose last tags are on their way. */
  #publisher: Publisher | undefined;
  /** Attached while the one before is being flushed. */
  #next: Publisher | undefined;
  #lastStream: LiveStream | undefined;
  #publishes = 0;
  #presentation: Presentation | undefined;
  /** Of the epoch. */
  #packager: NativePackager | undefined;
  readonly #encoding: Encoding;
  /** Tags go through; otherwise the publisher holds them. */
  #open = false;
  #entering: Promise<void> | undefined;
  #suspending: Promise<void> = Promise.resolve();
  #cancelWindow: (() => void) | undefined;
  #resumeUntil: Milliseconds | undefined;
  #lastKeyFrame: Milliseconds | undefined;
  #longGop = false;
  /** The next picture begins an epoch whose key frames are not the publisher's, whatever it is. */
  #cutsAnywhere = false;
  #ended: Promise<void> | undefined;
  /** Codes of the warnings about the publisher's media that are in the log already. */
  readonly #warned = new Set<string>();

  constructor(options: StreamPipelineOptions) {
    this.#options = options;
    this.app = options.app;
    this.name = options.name;
    this.#context = { app: options.app, stream: options.name };
    this.#encoding = new Encoding(options, {
      fields: this.#context,
      onExhausted: (publisher, cause) => {
        this.#fail(publisher, cause);
        // Whoever publishes next begins with the whole ladder again.
        void this.end();
      },
    });
    options.origin.starting(options.app, options.name);
  }

  get state(): PipelineState {
    return this.#state.state;
  }

  /** Of the publisher that is attached, else of the last one. */
  get stream(): LiveStream | undefined {
    return this.#lastStream;
  }

  /** A publisher is attached. */
  get publishing(): boolean {
    return this.#publisher?.gone === false || this.#next !== undefined;
  }

  /** Publishers so far. */
  get publishes(): number {
    return this.#publishes;
  }

  /** What the publisher sends; undefined while its tracks are not known. */
  get source(): SourceDescription | undefined {
    return this.#encoding.plan?.source;
  }

  get presentation(): Presentation | undefined {
    return this.#presentation;
  }

  /** Milliseconds that are left for a publisher to come back. */
  get resumeLeft(): Milliseconds | undefined {
    if (this.#resumeUntil === undefined) return undefined;
    return Math.max(0, this.#resumeUntil - this.#options.clock.now());
  }

  get withdrawn(): readonly Withdrawal[] {
    return this.#encoding.withdrawn;
  }

  /** One sentence for each thing that the ladder asks for and that was not made from the start. */
  get shortcomings(): readonly string[] {
    return this.#encoding.plan?.shortcomings ?? [];
  }

  /** Undefined when nothing is encoded. */
  get transcode(): TranscodeState | undefined {
    return this.#encoding.state;
  }

  /** A publisher of this name would continue these playlists. */
  get resumable(): boolean {
    return this.#ended === undefined && this.#presentation !== undefined && this.#options.resumeWindow > 0;
  }

  /** Where the timeline of the next publisher begins. */
  get resumeTime(): Milliseconds | undefined {
    return this.#presentation?.resumeTime;
  }

  /** The first publisher, or, when `resumable`, the next one: the one before must have ended. */
  attach(stream: LiveStream): void {
    const { clock } = this.#options;
    this.#lastStream = stream;
    this.#publishes += 1;
    const publisher = new Publisher({
      stream,
      clock,
      onDecided: (decided) => this.#onDecided(decided),
      onTag: (from, tag) => this.#onTag(from, tag),
      onEnd: (ended) => this.#onGone(ended),
      onWarning: (warning) => this.#warnOnce(warning),
    });
    this.#cancelWindow?.();
    if (this.#publisher === undefined) this.#use(publisher);
    else this.#next = publisher;
  }

  /** Flushes FFmpeg, ends the playlists and resolves when the disk copy has caught up. Idempotent. */
  end(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  #use(publisher: Publisher): void {
    this.#publisher = publisher;
    this.#longGop = false;
    this.#lastKeyFrame = undefined;
    if (publisher.tracks !== undefined) this.#onDecided(publisher);
    else if (publisher.gone) this.#onGone(publisher);
  }

  async #end(): Promise<void> {
    this.#cancelWindow?.();
    if (this.#entering !== undefined) await this.#entering;
    this.#open = false;
    const { origin, onEnded } = this.#options;
    if (this.#state.is('waiting')) {
      origin.abandoned(this.app, this.name);
    } else {
      this.#state.to('draining');
      await this.#encoding.finish();
      await this.#suspending;
      if (this.#presentation !== undefined) {
        await this.#presentation.end();
        onEnded(this.#presentation);
      }
    }
    this.#publisher?.close();
    this.#next?.close();
    this.#encoding.release();
    this.#resumeUntil = undefined;
    this.#state.to('ended');
  }

  // Publishers come and go

  #onDecided(publisher: Publisher): void {
    if (publisher !== this.#publisher || this.#ended !== undefined) return;
    this.#entering = this.#enter(publisher);
  }

  #onGone(publisher: Publisher): void {
    if (publisher === this.#next) {
      this.#next = undefined;
      publisher.close();
    }
    // What it sent is on its way into the playlists: it leaves after that.
    if (publisher !== this.#publisher || this.#entering !== undefined) return;
    this.#leave(publisher);
  }

  #leave(publisher: Publisher): void {
    publisher.gone = true;
    this.#open = false;
    const { resumeWindow } = this.#options;
    if (this.#ended !== undefined) return;
    if (this.#state.is('waiting') || resumeWindow <= 0) {
      void this.end();
      return;
    }
    if (this.#state.is('running')) this.#suspend();
    publisher.close();
    this.#publisher = undefined;
    const next = this.#next;
    this.#next = undefined;
    if (next !== undefined) this.#use(next);
    else this.#cancelWindow = this.#options.clock.after(this.resumeLeft ?? 0, () => void this.end());
  }

  #suspend(): void {
    const { logger, clock, resumeWindow } = this.#options;
    this.#state.to('suspended');
    this.#resumeUntil = clock.now() + secondsToMilliseconds(resumeWindow);
    logger.info({ ...this.#context, resumeWindow }, 'publisher gone, its stream waits for it');
    const flushed = this.#encoding.finish();
    this.#suspending = flushed.then(() => this.#presentation?.suspend());
  }

  // Epochs

  /** What is held goes through, as the first epoch, the one of a returned publisher, or one that a change has begun. */
  async #enter(publisher: Publisher): Promise<void> {
    await this.#encoding.finish();
    await this.#suspending;
    await this.#options.predecessor;
    // Before what is held goes through: a change in it is entered after this one.
    this.#entering = undefined;
    try {
      if (this.#ended === undefined) this.#beginEpoch(publisher);
    } catch (error) {
      this.#fail(publisher, asSluiceError(error));
    }
    if (publisher.gone && publisher === this.#publisher && this.#entering === undefined) this.#leave(publisher);
  }

  #beginEpoch(publisher: Publisher): void {
    const { logger } = this.#options;
    const plan = this.#plan(publisher);
    const presentation = this.#presentation;
    const resumed = this.#state.is('suspended');
    if (presentation === undefined) this.#present(plan, publisher);
    else presentation.startEpoch(epochPlan(plan));
    if (!this.#state.is('running')) this.#state.to('running');
    this.#resumeUntil = undefined;
    this.#install(plan, publisher);
    const renditions = plan.renditions.map(({ name }) => name);
    const what = presentation === undefined ? 'stream started' : resumed ? 'stream resumed' : 'stream changed';
    logger.info({ ...this.#context, renditions, source: plan.source }, what);
    for (const shortcoming of plan.shortcomings) {
      logger.warn({ ...this.#context, code: 'pipeline.reduced' }, shortcoming);
    }
    this.#open = true;
    this.#cutsAnywhere = plan.keyFrames === 'regular';
    const held = publisher.held;
    publisher.held = [];
    // A change among these holds what comes after it.
    for (const tag of held) this.#onTag(publisher, tag);
  }

  #install(plan: StreamPlan, publisher: Publisher): void {
    const presentation = this.#presentation;
    if (presentation === undefined) return;
    this.#packager = new NativePackager(presentation, publisher.media, plan);
    this.#encoding.begin(plan, publisher, presentation);
  }

  #present(plan: StreamPlan, publisher: Publisher): void {
    const { origin, clock, logger, partDuration, segmentDuration, maxGop } = this.#options;
    const presentation = new Presentation({
      ...this.#options.presentation(),
      app: this.app,
      name: this.name,
      plan: epochPlan(plan),
      segmentDuration,
      partDuration,
      maxGop,
      clock,
      firstArrival: publisher.firstArrival,
      onLongGop: () => this.#onLongFirstGop(),
      onWarning: (warning) => logger.warn({ ...this.#context, code: warning.code }, warning.message),
      onStoreRecovered: () => logger.info(this.#context, 'the disk copy has caught up'),
    });
    this.#presentation = presentation;
    origin.attach(presentation);
  }

  /** @throws the typed errors of the transcode room, mp4.*, pipeline.nothing-to-serve */
  #plan(publisher: Publisher): StreamPlan {
    const { ladder, ffmpeg } = this.#options;
    const { media, tracks = { video: false, audio: false } } = publisher;
    const source = describeSource(media.source(tracks, publisher.hints));
    const request = {
      source,
      extraTracks: media.extraVideo.map((trackId) => ({ trackId, ...media.video(trackId)?.description })),
      ladder,
      ffmpeg,
      keyFrames: this.#longGop ? 'regular' : 'source',
      offered: byCost(this.#encoding.plan?.renditions ?? []).map(({ name }) => name),
      withdrawn: new Set(this.#encoding.withdrawn.map(({ name }) => name)),
    } as const;
    const plan = planStream({ ...request, mayEncodeVideo: true });
    if (byCost(plan.renditions).length === 0) return plan;
    const refusal = this.#encoding.admit();
    return refusal === undefined ? plan : planStream({ ...request, mayEncodeVideo: false, refusal });
  }

  /** A change of the publisher's: what comes from this tag on waits until the old FFmpeg has given all it has. */
  #turn(publisher: Publisher, tag: LiveTag): void {
    this.#open = false;
    publisher.held = [tag];
    publisher.subscribe();
    this.#entering = this.#enter(publisher);
  }

  // Media

  #onTag(publisher: Publisher, tag: LiveTag): void {
    if (publisher !== this.#publisher || !this.#open) {
      publisher.held.push(tag);
      return;
    }
    if (tag.trackId > 0) {
      if (!tag.sequenceHeader) this.#packager?.write(tag);
      return;
    }
    switch (publisher.changes.note(tag)) {
      case 'left-out':
        return;
      case 'begins-anew':
        this.#turn(publisher, tag);
        return;
      case 'goes-on':
        if (this.#isLongGop(tag)) this.#encodeLongGop(publisher, tag);
        else this.#pass(tag);
    }
  }

  #pass(tag: LiveTag): void {
    const presentation = this.#presentation;
    if (presentation === undefined) return;
    if (tag.kind === 'video') {
      const keyFrame = tag.keyFrame || this.#cutsAnywhere;
      this.#cutsAnywhere = false;
      presentation.noteVideo(tag.dts, tag.dts + tag.compositionTime, keyFrame);
    } else presentation.noteAudio(tag.dts);
    this.#packager?.write(tag);
    this.#encoding.note(tag.dts);
  }

  // Groups of pictures that are too long to cut

  #isLongGop(tag: LiveTag): boolean {
    if (tag.kind !== 'video') return false;
    if (tag.keyFrame) this.#lastKeyFrame = tag.dts;
    if (this.#longGop || this.#lastKeyFrame === undefined || !this.#canEncodeSource()) return false;
    // The first one is the presentation's to tell: it has not listed anything yet.
    const settled = this.#presentation?.targetDuration !== undefined;
    return settled && tag.dts - this.#lastKeyFrame > secondsToMilliseconds(this.#options.maxGop);
  }

  #encodeLongGop(publisher: Publisher, tag: LiveTag): void {
    this.#longGop = true;
    this.#warnLongGop();
    this.#turn(publisher, tag);
  }

  /** Called by the presentation before it has listed anything: it begins anew, at once, and nobody sees the difference. */
  #onLongFirstGop(): void {
    const publisher = this.#publisher;
    if (publisher === undefined || this.#longGop) return;
    this.#longGop = true;
    this.#warnLongGop();
    if (!this.#canEncodeSource()) return;
    const plan = this.#plan(publisher);
    if (plan.keyFrames !== 'regular') return;
    this.#encoding.discard();
    publisher.subscribe();
    this.#presentation?.startEpoch(epochPlan(plan));
    this.#install(plan, publisher);
    // The presentation has forgotten what it had: this is all of it, from the key frame on.
    for (const earlier of publisher.recent()) if (isMedia(earlier)) this.#pass(earlier);
  }

  #canEncodeSource(): boolean {
    const source = this.#encoding.plan?.renditions.find(({ name }) => name === 'source');
    return this.#options.ffmpeg !== undefined && source?.mode === 'copy';
  }

  #warnLongGop(): void {
    const { logger, maxGop } = this.#options;
    logger.warn(
      { ...this.#context, code: 'pipeline.long-gop' },
      `no key frame for ${maxGop} s: set the keyframe interval of the encoder to 1 to 4 s`,
    );
  }

  // Failures

  /** Nothing of this publisher can be served: it hears why, and the playlists end. */
  #fail(publisher: Publisher, error: SluiceError): void {
    const { logger, onFailed } = this.#options;
    logger.warn({ ...this.#context, code: error.code, err: error }, 'stream cannot be served');
    if (!publisher.gone) onFailed(publisher.stream, error);
  }

  /** Of each kind the first: a publisher may repeat what is wrong as often as it likes. */
  #warnOnce({ code, message }: SluiceError): void {
    if (this.#warned.has(code)) return;
    this.#warned.add(code);
    const text = `part of what the publisher sends is left out: ${message}`;
    this.#options.logger.warn({ ...this.#context, code }, text);
  }
}

function isMedia(tag: LiveTag): boolean {
  return tag.kind !== 'script' && !tag.sequenceHeader;
}
