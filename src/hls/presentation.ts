// All renditions of one stream as one timeline: the same cuts, sequence numbers, discontinuities and dates everywhere.
import type { SluiceError } from '../protocols/errors.js';
import type { Fragment } from '../protocols/mp4/fragment.js';
import { FragmentReader } from '../protocols/mp4/fragment-reader.js';
import type { InitTrack } from '../protocols/mp4/init-segment.js';
import { type EpochMilliseconds, type Milliseconds, type Seconds, secondsToMilliseconds } from '../protocols/units.js';
import { AudioRegrouper } from './audio-regrouper.js';
import { Waiters } from './blocking-reload.js';
import { type Clock, systemClock } from './clock.js';
import { CutSchedule } from './cut-schedule.js';
import { describeVariants } from './describe-variants.js';
import { hlsError } from './errors.js';
import { renderMultivariantPlaylist } from './multivariant-playlist.js';
import type { PartMaker } from './part-sink.js';
import { type PartTiming, partTiming } from './part-timing.js';
import type { RenditionPlan } from './plan.js';
import type { PresentationCounters, PresentationOptions, RenditionInfo } from './presentation-options.js';
import { type Generation, Rendition } from './rendition.js';
import type { CompleteSegment } from './segment.js';
import { VideoParts } from './video-parts.js';
import { WriteBehind } from './write-behind.js';

export type { Clock } from './clock.js';
export type { PresentationPlan, RenditionPlan } from './plan.js';
export type {
  PresentationCounters,
  PresentationOptions,
  RenditionInfo,
  SegmentInfo,
} from './presentation-options.js';
export type { SegmentStore } from './segment-store.js';

/** RFC 8216bis 6.2.2 and Apple's authoring rules: six segments are listed at least. */
export const SMALLEST_WINDOW = 6;

/** A warning of the same code is not repeated within this time. */
const WARNING_INTERVAL: Milliseconds = 60_000;

/** A rendition that has shown nothing while the others made this many segments no longer holds up the start. */
const SEGMENTS_WITHOUT_LAGGARD = 3;

interface Track {
  readonly rendition: Rendition;
  readonly index: number;
  reader: FragmentReader;
  init: InitTrack | undefined;
  maker: PartMaker | undefined;
}

export class Presentation {
  readonly app: string;
  readonly name: string;
  /** Woken when the stream becomes playable or ends. */
  readonly waiters: Waiters;
  readonly #options: PresentationOptions;
  readonly #clock: Clock;
  readonly #timing: PartTiming;
  readonly #schedule: CutSchedule;
  readonly #tracks: readonly Track[];
  readonly #writeBehind: WriteBehind | undefined;
  readonly #warned = new Map<string, Milliseconds>();
  readonly #counters = { forcedCuts: 0, gaps: 0, discontinuities: 0 };
  #generation: Generation | undefined;
  #nextMediaSequence: number;
  #discontinuityNumber: number;
  /** Media of a new run that ends before this was shown already. */
  #shownUntil: Seconds = Number.NEGATIVE_INFINITY;
  /** The next run's first segment carries EXT-X-DISCONTINUITY. */
  #discontinuity: boolean;
  #anchor: { readonly wallClock: EpochMilliseconds; readonly media: Milliseconds } | undefined;
  #latest: Milliseconds = 0;
  #ended = false;
  readonly #endListeners: (() => void)[] = [];
  #wasServable = false;
  #segmentAdded = false;
  #multivariant: { readonly text: string; readonly body: Buffer } | undefined;
  #variantsChanged = true;

  constructor(options: PresentationOptions) {
    this.#options = options;
    this.app = options.app;
    this.name = options.name;
    const clock = options.clock ?? systemClock;
    this.#clock = clock;
    this.waiters = new Waiters(clock);
    this.#nextMediaSequence = options.firstMediaSequence;
    this.#discontinuityNumber = options.firstDiscontinuitySequence ?? 0;
    this.#discontinuity = options.continuesEarlier ?? false;
    this.#timing = partTiming(options.plan, options.partDuration);
    this.#schedule = new CutSchedule({
      segmentDuration: options.segmentDuration,
      frame: this.#timing.frame,
      nominalPart: Math.max(...this.#timing.renditions.map(({ nominal }) => nominal)),
      onForcedCut: (time) => {
        this.#counters.forcedCuts += 1;
        this.#warn(hlsError('hls.forced-cut', `no key frame for ${this.targetDuration} s before ${time} ms`));
      },
    });
    this.#tracks = options.plan.renditions.map((plan, index) => ({
      rendition: this.#newRendition(plan),
      index,
      reader: new FragmentReader(),
      init: undefined,
      maker: undefined,
    }));
    if (options.store !== undefined) {
      this.#writeBehind = new WriteBehind({
        store: options.store,
        clock,
        directory: `${options.app}/${options.name}`,
        renditions: this.#tracks.map(({ rendition }) => rendition),
        multivariant: () => (this.playable ? this.multivariantBody() : undefined),
        onFailure: (cause) =>
          this.#warn(hlsError('hls.store', `writing ${this.app}/${this.name} failed: ${describe(cause)}`, { cause })),
      });
    }
  }

  /** Every rendition has a complete segment: the multivariant playlist is served. */
  get playable(): boolean {
    if (this.#schedule.targetDuration === undefined) return false;
    return this.#playableTracks().length > 0;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** EXT-X-TARGETDURATION; undefined until the first GOP is measured. */
  get targetDuration(): Seconds | undefined {
    return this.#schedule.targetDuration;
  }

  /** Longest playlist of its renditions now. */
  get windowDuration(): Seconds {
    return Math.max(0, ...this.#tracks.map(({ rendition }) => rendition.window.listedDuration));
  }

  get renditions(): readonly RenditionInfo[] {
    return this.#tracks.map(({ rendition }) => {
      const { plan, track } = rendition;
      return {
        name: plan.name,
        kind: plan.kind,
        codecs: track?.codecs,
        width: track?.width ?? plan.width,
        height: track?.height ?? plan.height,
        frameRate: plan.kind === 'video' ? (plan.frameRate ?? this.#options.plan.frameRate) : undefined,
        peakBandwidth: rendition.peakBandwidth,
        averageBandwidth: rendition.averageBandwidth,
        segments: rendition.segments,
        parts: rendition.parts,
      };
    });
  }

  get counters(): PresentationCounters {
    return { ...this.#counters, storeFailures: this.#writeBehind?.failures ?? 0 };
  }

  /** One past the highest media sequence number used. */
  get nextMediaSequence(): number {
    const used = this.#tracks.map(({ rendition }) => (rendition.highestMediaSequence ?? -1) + 1);
    return Math.max(this.#nextMediaSequence, ...used);
  }

  /** EXT-X-DISCONTINUITY tags so far: what a later presentation of this name starts from. */
  get discontinuityNumber(): number {
    return this.#discontinuityNumber;
  }

  /** Requests waiting for anything of this presentation. */
  get waiting(): number {
    return this.#tracks.reduce((sum, { rendition }) => sum + rendition.waiters.size, this.waiters.size);
  }

  rendition(name: string): Rendition | undefined {
    return this.#tracks.find(({ rendition }) => rendition.plan.name === name)?.rendition;
  }

  // Making

  /** Each live video tag with a picture, at ingest, before its bytes go to FFmpeg. Milliseconds of the stream timeline. */
  noteVideo(dts: Milliseconds, pts: Milliseconds, keyFrame: boolean): void {
    this.#note(pts);
    this.#schedule.noteVideo(dts, pts, keyFrame);
    this.#advance();
  }

  /** Each live audio tag with samples, at ingest. */
  noteAudio(dts: Milliseconds): void {
    this.#note(dts);
    this.#schedule.noteAudio(dts);
    this.#advance();
  }

  /**
   * Bytes of FFmpeg's output pipe `renditionIndex`, in any cutting.
   * @throws the typed error of the MP4 room for bytes that are not fMP4; the FFmpeg that wrote them should be replaced
   */
  write(renditionIndex: number, bytes: Buffer): void {
    const track = this.#tracks[renditionIndex];
    if (track === undefined) throw new RangeError(`no rendition ${renditionIndex}, there are ${this.#tracks.length}`);
    if (this.#ended) return;
    track.reader.push(bytes);
    try {
      for (let event = track.reader.next(); event !== undefined; event = track.reader.next()) {
        if (event.type === 'init') this.#onInit(track, event.bytes, event.track);
        else this.#onFragment(track, event.fragment);
      }
    } finally {
      this.#publish();
    }
  }

  /** FFmpeg was started anew: its next bytes begin with a new init segment; DISCONTINUITY in all renditions at the same sequence. */
  restart(): void {
    if (this.#ended) return;
    for (const track of this.#tracks) {
      track.maker?.flush();
      track.maker = undefined;
      track.reader = new FragmentReader();
    }
    if (this.#generation !== undefined) {
      const highest = this.nextMediaSequence - 1;
      for (const { rendition } of this.#tracks) {
        const leads = rendition.plan.kind === 'video' || this.#timing.frame === undefined;
        if (leads) this.#shownUntil = Math.max(this.#shownUntil, rendition.end ?? 0);
      }
      for (const { rendition } of this.#tracks) rendition.finishGeneration(highest);
      this.#nextMediaSequence = highest + 1;
      this.#discontinuity = true;
      this.#generation = undefined;
    }
    this.#publish();
  }

  /** Nothing more will come: last segments are finished, ENDLIST, waiters wake. Resolves when the store has caught up (or failed). */
  async end(): Promise<void> {
    if (!this.#ended) {
      this.#schedule.finish(this.#latest);
      for (const { maker } of this.#tracks) maker?.flush();
      this.#nextMediaSequence = this.nextMediaSequence;
      for (const { rendition } of this.#tracks) rendition.finish();
      this.#ended = true;
      this.#variantsChanged = true;
      this.waiters.wake();
      for (const listener of this.#endListeners.splice(0)) listener();
    }
    await this.#writeBehind?.finish();
  }

  /** Calls back once when it ends (at once if it has): the origin starts counting its remaining life. */
  onEnd(listener: () => void): void {
    if (this.#ended) listener();
    else this.#endListeners.push(listener);
  }

  /** Removes its files, after players had their time. Never rejects. */
  async dispose(): Promise<void> {
    await this.#writeBehind?.dispose();
  }

  // Reading

  /** The same Buffer until its text changes. Call only when `playable`. */
  multivariantBody(): Buffer {
    if (this.#multivariant !== undefined && !this.#variantsChanged) return this.#multivariant.body;
    this.#variantsChanged = false;
    const text = renderMultivariantPlaylist(
      describeVariants(this.#playableTracks(), this.#options.plan.frameRate, this.#schedule.independentSegments),
    );
    if (this.#multivariant?.text !== text) this.#multivariant = { text, body: Buffer.from(text) };
    return this.#multivariant.body;
  }

  /** Renditions to be listed: all, or none when one of them may still come; without those that never came. */
  #playableTracks(): readonly Rendition[] {
    const all = this.#tracks.map(({ rendition }) => rendition);
    const ready = all.filter((rendition) => rendition.segments > 0);
    if (ready.length === all.length) return ready;
    const most = Math.max(0, ...ready.map((rendition) => rendition.segments));
    return this.#ended || most > SEGMENTS_WITHOUT_LAGGARD ? ready : [];
  }

  #newRendition(plan: RenditionPlan): Rendition {
    const rendition: Rendition = new Rendition({
      plan,
      clock: this.#clock,
      schedule: this.#schedule,
      windowSegments: Math.max(SMALLEST_WINDOW, this.#options.windowSegments),
      partTarget: this.#timing.partTarget,
      programDateTime: (mediaTime) => this.#programDateTime(mediaTime),
      reports: () =>
        this.#tracks
          .filter((track) => track.rendition !== rendition)
          .map((track) => track.rendition.report)
          .filter((report) => report !== undefined),
      onSegment: (segment) => this.#onSegment(rendition, segment),
    });
    return rendition;
  }

  /** Anchored once to the wall clock, then advancing with media time: it never jumps when an operator sets the clock. */
  #programDateTime(mediaTime: Seconds): EpochMilliseconds {
    const anchor = this.#anchor ?? { wallClock: this.#clock.wallClock(), media: secondsToMilliseconds(mediaTime) };
    return anchor.wallClock + secondsToMilliseconds(mediaTime) - anchor.media;
  }

  #note(time: Milliseconds): void {
    this.#anchor ??= { wallClock: this.#clock.wallClock(), media: time };
    this.#latest = Math.max(this.#latest, time);
  }

  /** The schedule moved: held audio may go, and the target duration may be known now. */
  #advance(): void {
    if (this.#ended || this.#generation === undefined) return;
    for (const { maker } of this.#tracks) maker?.advance();
    this.#publish();
  }

  #onInit(track: Track, bytes: Buffer, init: InitTrack): void {
    track.init = init;
    track.rendition.setInit(bytes, init);
    track.maker = this.#newMaker(track, init);
    this.#variantsChanged = true;
  }

  #newMaker(track: Track, init: InitTrack): PartMaker {
    const timing = this.#timing.renditions[track.index];
    const nominal = timing?.nominal ?? this.#options.partDuration;
    const shared = {
      schedule: this.#schedule,
      trackId: init.trackId,
      timescale: init.timescale,
      partTarget: this.#timing.partTarget,
      nominal,
      sink: (part: Parameters<Rendition['accept']>[0]) => track.rendition.accept(part),
    };
    if (init.kind === 'audio') {
      return new AudioRegrouper({
        ...shared,
        frameDuration: init.frameDuration,
        isOpen: () => this.#generation !== undefined,
      });
    }
    return new VideoParts({
      ...shared,
      frame: timing?.frame ?? nominal,
      onOverlongPart: (duration) =>
        this.#warn(
          hlsError('hls.irregular-timing', `got a frame of ${duration.toFixed(3)} s in ${track.rendition.plan.name}`),
        ),
    });
  }

  #onFragment(track: Track, fragment: Fragment): void {
    const { init, maker } = track;
    if (init === undefined || maker === undefined) return;
    if (this.#generation !== undefined) {
      maker.push(fragment);
    } else if (this.#begin(init, fragment)) {
      maker.push(fragment);
      // Audio that came before its picture was held.
      for (const other of this.#tracks) other.maker?.advance();
    } else if (init.kind === 'audio' && this.#timing.frame !== undefined) {
      maker.push(fragment);
    }
  }

  /** Where this run of FFmpeg begins is decided by its first usable key frame, of whichever rendition is first. */
  #begin(init: InitTrack, fragment: Fragment): boolean {
    const hasVideo = this.#timing.frame !== undefined;
    if (hasVideo !== (init.kind === 'video') || !fragment.startsWithSync) return false;
    const offset = hasVideo ? (fragment.samples[0]?.cts ?? 0) : 0;
    const start = (fragment.baseMediaDecodeTime + offset) / init.timescale;
    if (start < this.#shownUntil - (this.#timing.frame ?? 0)) return false;
    const time = secondsToMilliseconds(start);
    const tolerance = hasVideo ? undefined : secondsToMilliseconds(fragment.duration / init.timescale / 2);
    if (this.#schedule.indexAt(time, tolerance) < 0) return false;
    const startIndex = this.#schedule.startAt(time, tolerance);
    if (this.#discontinuity) {
      this.#discontinuityNumber += 1;
      this.#counters.discontinuities += 1;
    }
    const generation: Generation = {
      startIndex,
      firstMediaSequence: this.#nextMediaSequence,
      discontinuity: this.#discontinuity,
      discontinuityNumber: this.#discontinuityNumber,
    };
    this.#generation = generation;
    this.#discontinuity = false;
    for (const track of this.#tracks) track.rendition.begin(generation);
    return true;
  }

  #onSegment(rendition: Rendition, segment: CompleteSegment): void {
    if (segment.gap) {
      this.#counters.gaps += 1;
      this.#warn(
        hlsError('hls.missing-media', `${rendition.plan.name} has nothing for segment ${segment.mediaSequence}`),
      );
    }
    this.#variantsChanged = true;
    this.#segmentAdded = true;
    this.#options.onSegment?.({
      rendition: rendition.plan.name,
      mediaSequence: segment.mediaSequence,
      duration: segment.duration,
      bytes: segment.body.length,
    });
  }

  #publish(): void {
    for (const { rendition } of this.#tracks) rendition.publish();
    if (!this.#wasServable && this.#schedule.targetDuration !== undefined) {
      this.#wasServable = true;
      for (const { rendition } of this.#tracks) rendition.waiters.wake();
    }
    if (!this.#segmentAdded) return;
    this.#segmentAdded = false;
    if (this.waiters.size > 0 && this.playable) this.waiters.wake();
    this.#writeBehind?.wake();
  }

  #warn(warning: SluiceError): void {
    const now = this.#clock.now();
    const last = this.#warned.get(warning.code);
    if (last !== undefined && now - last < WARNING_INTERVAL) return;
    this.#warned.set(warning.code, now);
    this.#options.onWarning?.(warning);
  }
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
