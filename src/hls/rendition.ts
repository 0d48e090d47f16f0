// One track as players see it: numbers its parts and segments, keeps the live window, and renders each playlist version once.
import type { InitTrack } from '../protocols/mp4/init-segment.js';
import { type BitsPerSecond, type EpochMilliseconds, millisecondsToSeconds, type Seconds } from '../protocols/units.js';
import type { Directive, PlaylistPosition } from './blocking-reload.js';
import { checkAdvance, isSatisfied, Waiters } from './blocking-reload.js';
import type { Clock } from './clock.js';
import type { CutSchedule } from './cut-schedule.js';
import { type Listing, lowLatencyPlaylist, plainPlaylist } from './list-window.js';
import { LiveWindow } from './live-window.js';
import { type MediaPlaylist, type RenditionReport, renderMediaPlaylist } from './media-playlist.js';
import type { MadePart } from './part-sink.js';
import type { RenditionPlan } from './plan.js';
import {
  type CompleteSegment,
  type InitSegment,
  initUri,
  joinParts,
  type OpenSegment,
  parseMediaFileName,
  partUri,
  segmentUri,
} from './segment.js';

/** One run of FFmpeg, on the numbering of the playlist. The same object serves all renditions. */
export interface Generation {
  /** Of the cut schedule. */
  readonly startIndex: number;
  /** Media sequence number of segment `startIndex`. */
  readonly firstMediaSequence: number;
  /** Its first segment carries EXT-X-DISCONTINUITY. */
  readonly discontinuity: boolean;
  readonly discontinuityNumber: number;
}

export interface RenditionOptions {
  readonly plan: RenditionPlan;
  readonly clock: Clock;
  readonly schedule: CutSchedule;
  readonly windowSegments: number;
  readonly partTarget: Seconds;
  readonly programDateTime: (mediaTime: Seconds) => EpochMilliseconds;
  /** RENDITION-REPORT of the others, now. */
  readonly reports: () => readonly RenditionReport[];
  readonly onSegment: (segment: CompleteSegment) => void;
}

export type FoundFile =
  | { readonly kind: 'init' | 'segment' | 'part'; readonly body: Buffer }
  /** The part the playlist hints at: it will be there. */
  | 'hinted'
  | undefined;

/** A part boundary this far from a cut is at another time, not a rounding of the same. */
const SAME_TIME: Seconds = 0.1;

export class Rendition {
  readonly plan: RenditionPlan;
  readonly waiters: Waiters;
  readonly #options: RenditionOptions;
  readonly #window: LiveWindow;
  #generation: Generation | undefined;
  #init: { readonly bytes: Buffer; readonly track: InitTrack } | undefined;
  #inits: InitSegment[] = [];
  #open: OpenSegment | undefined;
  #lastMediaSequence: number | undefined;
  #needsSync = true;
  #ended = false;
  #dirty = false;
  #body: Buffer | undefined;
  #segments = 0;
  #parts = 0;
  #peakBandwidth: BitsPerSecond = 0;
  #bits = 0;
  #duration: Seconds = 0;

  constructor(options: RenditionOptions) {
    this.plan = options.plan;
    this.#options = options;
    this.waiters = new Waiters(options.clock);
    this.#window = new LiveWindow({ segments: options.windowSegments, now: () => options.clock.now() });
  }

  /** Of the newest init segment. */
  get track(): InitTrack | undefined {
    return this.#init?.track;
  }

  get window(): LiveWindow {
    return this.#window;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Complete segments with media made so far. */
  get segments(): number {
    return this.#segments;
  }

  get parts(): number {
    return this.#parts;
  }

  get peakBandwidth(): BitsPerSecond {
    return this.#peakBandwidth;
  }

  get averageBandwidth(): BitsPerSecond {
    return this.#duration === 0 ? 0 : this.#bits / this.#duration;
  }

  /** Highest media sequence number with media or a gap, open or complete. */
  get highestMediaSequence(): number | undefined {
    return this.#open?.mediaSequence ?? this.#lastMediaSequence;
  }

  /** Media time at which its media ends so far. */
  get end(): Seconds | undefined {
    return this.#open?.end ?? this.#window.listed.at(-1)?.end;
  }

  // Making

  /** An FFmpeg run begins for this track. */
  setInit(bytes: Buffer, track: InitTrack): void {
    // The reader's bytes are a view of a whole pipe chunk, which would stay in memory as long as the init segment.
    this.#init = { bytes: Buffer.from(bytes), track };
    this.#needsSync = track.kind === 'video';
  }

  begin(generation: Generation): void {
    this.#generation = generation;
  }

  accept(part: MadePart): void {
    const generation = this.#generation;
    if (generation === undefined || this.#init === undefined || part.segmentIndex < generation.startIndex) return;
    if (this.#needsSync && !part.independent) return;
    this.#needsSync = false;
    const wanted = generation.firstMediaSequence + part.segmentIndex - generation.startIndex;
    // Media that comes for a segment already complete (a timestamp that stepped back) is not lost: it goes into the next.
    const earliest = this.#open?.mediaSequence ?? (this.#lastMediaSequence ?? -1) + 1;
    const mediaSequence = Math.max(wanted, earliest);
    if (this.#open !== undefined && mediaSequence > this.#open.mediaSequence) this.#close(true);
    if (this.#open === undefined) {
      this.#fillGaps(generation, mediaSequence);
      this.#openSegment(generation, mediaSequence, part);
    }
    const open = this.#open;
    if (open === undefined) return;
    const uri = partUri(open.mediaSequence, open.parts.length);
    open.parts.push({ uri, duration: part.duration, independent: part.independent, body: part.bytes });
    open.end = part.start + part.duration;
    this.#parts += 1;
    this.#dirty = true;
    if (part.completes) this.#close(true);
  }

  /**
   * The run is over. What is open ends here; a rendition that lags behind the others gets gaps up to `upTo`, so that the
   * next run begins at the same number everywhere.
   */
  finishGeneration(upTo: number): void {
    const generation = this.#generation;
    this.#generation = undefined;
    if (this.#open !== undefined) this.#close(this.#open.mediaSequence < upTo);
    if (generation !== undefined && this.#lastMediaSequence !== undefined) this.#fillGaps(generation, upTo + 1);
  }

  /** ENDLIST. */
  finish(): void {
    if (this.#open !== undefined) this.#close(false);
    this.#ended = true;
    this.#dirty = true;
    this.publish();
  }

  /** Shows what changed to those who wait for it: once per batch, not once per part. */
  publish(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#body = undefined;
    this.waiters.wake();
  }

  #openSegment(generation: Generation, mediaSequence: number, part: MadePart): void {
    this.#open = {
      mediaSequence,
      index: generation.startIndex + mediaSequence - generation.firstMediaSequence,
      init: this.#initFor(mediaSequence),
      start: part.start,
      end: part.start,
      programDateTime: this.#options.programDateTime(part.start),
      ...discontinuityOf(generation, mediaSequence),
      parts: [],
    };
  }

  /** @param byCut the schedule ended it; otherwise its media did, and it lasts as long as that */
  #close(byCut: boolean): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    const cut = byCut ? this.#cutTime(open.index + 1) : undefined;
    // Where media is missing up to the cut, the next segment's date tells the truth, and EXTINF must agree with it.
    const end = cut !== undefined && Math.abs(cut - open.end) > SAME_TIME && cut > open.start ? cut : open.end;
    this.#add({
      ...open,
      uri: segmentUri(open.mediaSequence),
      duration: end - open.start,
      end,
      body: joinParts(open.parts),
      gap: false,
    });
  }

  #fillGaps(generation: Generation, until: number): void {
    if (this.#lastMediaSequence === undefined) return;
    for (let mediaSequence = this.#lastMediaSequence + 1; mediaSequence < until; mediaSequence += 1) {
      const index = generation.startIndex + mediaSequence - generation.firstMediaSequence;
      const start = this.#cutTime(index) ?? this.end ?? 0;
      const end = this.#cutTime(index + 1) ?? start + (this.#options.schedule.targetDuration ?? 0);
      this.#add({
        mediaSequence,
        index,
        init: this.#initFor(mediaSequence),
        start,
        end,
        duration: end - start,
        programDateTime: this.#options.programDateTime(start),
        ...discontinuityOf(generation, mediaSequence),
        parts: [],
        uri: segmentUri(mediaSequence),
        body: Buffer.alloc(0),
        gap: true,
      });
    }
  }

  #add(segment: CompleteSegment): void {
    this.#lastMediaSequence = segment.mediaSequence;
    this.#window.add(segment, this.#options.schedule.targetDuration ?? segment.duration);
    this.#dirty = true;
    if (!segment.gap) this.#measure(segment);
    const needed = new Set<InitSegment>();
    for (const available of this.#window.available()) needed.add(available.init);
    this.#inits = this.#inits.filter((init) => needed.has(init));
    this.#options.onSegment(segment);
  }

  /** RFC 8216bis 4.4.6.2 measures the peak over runs of at least half a target duration. */
  #measure(segment: CompleteSegment): void {
    const bits = segment.body.length * 8;
    this.#segments += 1;
    this.#bits += bits;
    this.#duration += segment.duration;
    const shortest = (this.#options.schedule.targetDuration ?? 0) / 2;
    const first = this.#peakBandwidth === 0;
    if (segment.duration > 0 && (first || segment.duration >= shortest)) {
      this.#peakBandwidth = Math.max(this.#peakBandwidth, bits / segment.duration);
    }
  }

  #initFor(mediaSequence: number): InitSegment {
    const current = this.#init;
    if (current === undefined) throw new TypeError('a segment before its init segment');
    const known = this.#inits.at(-1);
    if (known !== undefined && known.bytes === current.bytes) return known;
    const init = { uri: initUri(mediaSequence), ...current };
    this.#inits.push(init);
    return init;
  }

  #cutTime(index: number): Seconds | undefined {
    const time = this.#options.schedule.timeOf(index);
    return time === undefined ? undefined : millisecondsToSeconds(time);
  }

  // Reading

  get position(): PlaylistPosition {
    const openParts = this.#open?.parts.length ?? 0;
    const lastMediaSequence = this.#open === undefined ? (this.#lastMediaSequence ?? -1) : this.#open.mediaSequence - 1;
    return { lastMediaSequence, openParts, partsOf: (msn) => this.#window.find(msn)?.parts.length };
  }

  /** The target duration is known, and there is something to list: a complete segment, or for a directive a part. */
  isServable(forDirective: boolean): boolean {
    if (this.#options.schedule.targetDuration === undefined) return false;
    if (this.#window.listed.some((segment) => !segment.gap)) return true;
    return forDirective && (this.#open?.parts.length ?? 0) > 0;
  }

  satisfies(directive: Directive): boolean {
    return this.#ended || (this.isServable(true) && isSatisfied(directive, this.position));
  }

  checkAdvance(directive: Directive): ReturnType<typeof checkAdvance> {
    return checkAdvance(directive, this.position, this.#options.partTarget);
  }

  /** The same Buffer until the next `publish`. Call only when `isServable`. */
  playlistBody(): Buffer {
    this.publish();
    this.#body ??= Buffer.from(renderMediaPlaylist(this.#lowLatencyPlaylist()));
    return this.#body;
  }

  /** For RENDITION-REPORT. */
  get report(): RenditionReport | undefined {
    const uri = `../${this.plan.name}/index.m3u8`;
    if (this.#open !== undefined) {
      return { uri, lastMediaSequence: this.#open.mediaSequence, lastPart: this.#open.parts.length - 1 };
    }
    const last = this.#window.listed.at(-1);
    if (last === undefined) return undefined;
    return { uri, lastMediaSequence: last.mediaSequence, lastPart: Math.max(0, last.parts.length - 1) };
  }

  find(fileName: string): FoundFile {
    const name = parseMediaFileName(fileName);
    if (name === undefined) return undefined;
    switch (name.kind) {
      case 'init': {
        const init = this.#inits.find(({ uri }) => uri === fileName);
        return init === undefined ? undefined : { kind: 'init', body: init.bytes };
      }
      case 'segment': {
        const segment = this.#window.find(name.mediaSequence);
        return segment === undefined || segment.gap ? undefined : { kind: 'segment', body: segment.body };
      }
      case 'part': {
        const isOpen = this.#open?.mediaSequence === name.mediaSequence;
        const parts = isOpen ? this.#open?.parts : this.#window.find(name.mediaSequence)?.parts;
        const part = parts?.[name.index];
        if (part !== undefined) return { kind: 'part', body: part.body };
        return !this.#ended && fileName === this.#nextPart() ? 'hinted' : undefined;
      }
    }
  }

  #nextPart(): string | undefined {
    if (this.#open !== undefined) return partUri(this.#open.mediaSequence, this.#open.parts.length);
    return this.#lastMediaSequence === undefined ? undefined : partUri(this.#lastMediaSequence + 1, 0);
  }

  /** The same window as any HLS server would list it: what is written to disk. */
  plainPlaylist(): MediaPlaylist {
    return plainPlaylist(this.#listing());
  }

  #lowLatencyPlaylist(): MediaPlaylist {
    return lowLatencyPlaylist(this.#listing(), {
      partTarget: this.#options.partTarget,
      nextPart: this.#nextPart(),
      reports: this.#options.reports(),
    });
  }

  #listing(): Listing {
    const { targetDuration, independentSegments } = this.#options.schedule;
    return {
      targetDuration: targetDuration ?? 0,
      independentSegments,
      complete: this.#window.listed,
      open: this.#open,
      ended: this.#ended,
    };
  }
}

function discontinuityOf(
  generation: Generation,
  mediaSequence: number,
): Pick<CompleteSegment, 'discontinuity' | 'discontinuityNumber'> {
  return {
    discontinuity: generation.discontinuity && mediaSequence === generation.firstMediaSequence,
    discontinuityNumber: generation.discontinuityNumber,
  };
}
