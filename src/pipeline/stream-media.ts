// Moves a publisher's media into the playlists of its name: plans it, presents it, packages it, and feeds it to FFmpeg.
import { silentFrame } from '../hls/packaging/silence.js';
import { Presentation } from '../hls/presentation.js';
import type { RepairKind } from '../live/repairs.js';
import type { LiveStream } from '../live/stream.js';
import type { LiveTag } from '../live/tag.js';
import type { SluiceError } from '../protocols/errors.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../protocols/units.js';
import type { RenditionSpec } from '../transcode/rendition-spec.js';
import type { Encoding } from './encoding.js';
import { pipelineError } from './errors.js';
import { NativePackager } from './native-packager.js';
import { planPublisher } from './plan-publisher.js';
import type { Publisher } from './publisher.js';
import type { PeriodNews, StreamLog } from './stream-log.js';
import type { StreamPipelineOptions } from './stream-pipeline-options.js';
import { periodPlan, type StreamPlan } from './stream-plan.js';

/**
 * A GOP with fewer pictures than this is never too long: in a source with one picture in ten seconds, every second picture may be a key
 * frame.
 */
const SHORTEST_LONG_GOP = 2.5;

/** Detects a publisher whose key frames are too far apart to cut segments at them. The source is then encoded. One object per publisher. */
class LongGop {
  readonly #longest: Milliseconds;
  #lastKeyFrame: Milliseconds | undefined;
  #lastPicture: Milliseconds | undefined;
  #interval: Milliseconds = 0;
  #found = false;

  /** @param maxGop longest GOP that can be cut without encoding */
  constructor(maxGop: Seconds) {
    this.#longest = secondsToMilliseconds(maxGop);
  }

  /** Whether a long GOP was found. From then on the gateway makes the key frames. */
  get found(): boolean {
    return this.#found;
  }

  note({ kind, keyFrame, dts }: LiveTag): void {
    if (kind !== 'video') return;
    if (keyFrame) this.#lastKeyFrame = dts;
    this.#interval = dts - (this.#lastPicture ?? dts);
    this.#lastPicture = dts;
  }

  /** Whether this tag, which was already noted, is too far from the last key frame. */
  exceeds({ kind, dts }: LiveTag): boolean {
    const last = this.#lastKeyFrame;
    return (
      !this.#found &&
      kind === 'video' &&
      last !== undefined &&
      dts - last > Math.max(this.#longest, SHORTEST_LONG_GOP * this.#interval)
    );
  }

  /** @returns false if it was known before */
  find(): boolean {
    const first = !this.#found;
    this.#found = true;
    return first;
  }
}

export class StreamMedia {
  /** The presentation for all publishers of the name; undefined before the first is served. */
  presentation: Presentation | undefined;
  readonly #options: StreamPipelineOptions;
  readonly #domain: FailureDomain;
  readonly #log: StreamLog;
  readonly #encoding: Encoding;
  readonly #onChange: (publisher: Publisher) => void;
  #served: Publisher | undefined;
  /** The stream of the publisher that was served last. */
  #stream: LiveStream | undefined;
  /** The packager of the current period. */
  #packager: NativePackager | undefined;
  /** The detector for the attached publisher. */
  #longGop: LongGop;
  /** Whether the next picture begins a period even if it is not a key frame, because in that period the gateway makes the key frames. */
  #cutsAnywhere = false;
  /** Whether every picture is encoded as a key frame. */
  #cutsEverywhere = false;
  /** Whether audio has come in this period. */
  #hasSound = false;

  /**
   * @param domain outlives the stream, because its playlists do.
   * @param onChange called when a new period is due
   */
  constructor(
    options: StreamPipelineOptions,
    domain: FailureDomain,
    log: StreamLog,
    encoding: Encoding,
    onChange: (publisher: Publisher) => void,
  ) {
    this.#options = options;
    this.#domain = domain;
    this.#log = log;
    this.#encoding = encoding;
    this.#onChange = onChange;
    this.#longGop = new LongGop(options.maxGop);
  }

  publisherComes(): void {
    this.#longGop = new LongGop(this.#options.maxGop);
  }

  /** The publisher whose tags pass; the tags of every other one are held. */
  get served(): Publisher | undefined {
    return this.#served;
  }

  /** Whether audio of this publisher that stops is replaced by silence. */
  fillsSilence({ media }: Publisher): boolean {
    // FFmpeg makes AAC-LC, whose silent frame is known. Before the first audio it makes nothing.
    if (this.encodesSound) return this.#hasSound;
    const sound = this.#sound && media.audio()?.description;
    return silentFrame(sound?.codecs, sound?.channels) !== undefined;
  }

  /** Whether FFmpeg makes the audio of the current period. */
  get encodesSound(): boolean {
    return this.#sound?.mode === 'encode';
  }

  get #sound(): RenditionSpec | undefined {
    return this.#encoding.plan?.renditions.find(({ kind }) => kind === 'audio');
  }

  /** Plans how to serve this publisher. @throws what `planPublisher` throws */
  plan(publisher: Publisher): StreamPlan {
    const { ladder, ffmpeg } = this.#options;
    return planPublisher(publisher, this.#encoding, { ladder, ffmpeg, longGop: this.#longGop.found });
  }

  /**
   * Begins a period of the name with this publisher: serves the tags that it holds, and then those that come.
   * @throws mp4.*
   */
  begin(what: PeriodNews, plan: StreamPlan, publisher: Publisher): void {
    this.presentation?.startPeriod(periodPlan(plan));
    this.presentation ??= this.#present(plan, publisher);
    this.#install(plan, publisher, this.presentation);
    this.#log.period(what, plan);
    this.#served = publisher;
    const held = publisher.held;
    publisher.held = [];
    // If one of these tags is a change, the tags after it are held again.
    for (const tag of held) this.take(publisher, tag);
  }

  /** From now on no tag passes. */
  hold(): void {
    this.#served = undefined;
  }

  /** Takes the next tag of a publisher. */
  take(publisher: Publisher, tag: LiveTag): void {
    if (publisher !== this.#served) {
      publisher.held.push(tag);
      return;
    }
    if (tag.trackId > 0) {
      if (!tag.sequenceHeader) this.#pass(tag);
      return;
    }
    const verdict = publisher.changes.note(tag);
    if (verdict === 'left-out') return;
    if (verdict === 'goes-on' && !this.#endsAtLongGop(tag)) {
      this.#pass(tag);
      return;
    }
    this.hold();
    publisher.held = [tag];
    this.#onChange(publisher);
  }

  #install(plan: StreamPlan, publisher: Publisher, presentation: Presentation): void {
    this.#stream = publisher.stream;
    this.#packager = new NativePackager(presentation, publisher.media, plan);
    this.#encoding.begin(plan, publisher, presentation);
    this.#cutsAnywhere = plan.keyFrames !== 'source';
    this.#cutsEverywhere = plan.keyFrames === 'every';
    this.#hasSound = false;
  }

  #present(plan: StreamPlan, publisher: Publisher): Presentation {
    const { app, name, origin, partDuration, segmentDuration, maxGop } = this.#options;
    const presentation = new Presentation({
      ...this.#options.presentation(),
      ...{ app, name, segmentDuration, partDuration, maxGop },
      plan: periodPlan(plan),
      clock: this.#domain.clock(this.#options.clock),
      domain: this.#domain,
      firstArrival: publisher.firstArrival,
      onLongGop: () => this.#onLongFirstGop(),
      onWarning: (warning) => this.#log.warning(warning),
      onPublisherFault: (fault, warning) => this.#report(fault, warning),
      onStoreRecovered: () => this.#log.storeRecovered(),
    });
    origin.attach(presentation);
    this.#options.onPresentation?.(presentation);
    return presentation;
  }

  /** Takes a tag with media, of any track. */
  #pass(tag: LiveTag): void {
    if (this.presentation === undefined || this.#packager === undefined) return;
    const isExtra = tag.trackId > 0;
    if (tag.kind === 'audio') this.#hasSound = true;
    const mayCut = tag.keyFrame || this.#cutsAnywhere;
    if (tag.kind === 'video' && !isExtra) this.#cutsAnywhere = this.#cutsEverywhere;
    this.presentation.take(this.#packager.frame(tag, mayCut));
    if (tag.kind !== 'script' && !isExtra) this.#encoding.transcoder?.note(tag.kind, tag.dts);
  }

  /** Whether the GOP has become too long to cut. If so, the source is encoded from this tag on, in a new period. */
  #endsAtLongGop(tag: LiveTag): boolean {
    this.#longGop.note(tag);
    // Before anything is listed, the presentation detects this itself.
    const settled = this.presentation?.targetDuration !== undefined;
    if (!settled || !this.#longGop.exceeds(tag) || !this.#canEncodeSource()) return false;
    this.#longGop.find();
    this.#reportLongGop();
    return true;
  }

  /** Called by the presentation before it has listed anything. It starts again at once, and viewers do not notice. */
  #onLongFirstGop(): void {
    const { presentation } = this;
    const publisher = this.#served;
    if (presentation === undefined || publisher === undefined || !this.#longGop.find()) return;
    this.#reportLongGop();
    if (!this.#canEncodeSource()) return;
    const plan = this.plan(publisher);
    if (plan.keyFrames === 'source') return;
    this.#encoding.discard();
    publisher.subscribe();
    presentation.startPeriod(periodPlan(plan));
    this.#install(plan, publisher, presentation);
    // The presentation has dropped its media, so everything is passed to it again, from the key frame on.
    for (const earlier of publisher.recent()) if (isMedia(earlier)) this.#pass(earlier);
  }

  #reportLongGop(): void {
    const { maxGop } = this.#options;
    this.#report(
      'rare-key-frames',
      pipelineError(
        'pipeline.long-gop',
        `no key frame for ${maxGop} s: set the keyframe interval of the encoder to 1 to 4 s`,
      ),
    );
  }

  /** Counts a fault of the publisher's media, and logs the first of each kind. */
  #report(fault: RepairKind, warning: SluiceError): void {
    if (this.#stream?.report(fault, warning.message) !== false) this.#log.warning(warning);
  }

  #canEncodeSource(): boolean {
    const source = this.#encoding.plan?.renditions.find(({ name }) => name === 'source');
    return this.#options.ffmpeg !== undefined && source?.mode === 'copy';
  }
}

function isMedia(tag: LiveTag): boolean {
  return tag.kind !== 'script' && !tag.sequenceHeader;
}
