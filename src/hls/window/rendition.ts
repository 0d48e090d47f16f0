// One track as players see it: keeps the live window, answers what it is asked, and renders each playlist version once.

import type { Clock } from '../../protocols/clock.js';
import type { InitTrack } from '../../protocols/mp4/init-segment.js';
import type { EpochMilliseconds, Milliseconds, Seconds } from '../../protocols/units.js';
import type { MadePart, PartSink } from '../packaging/part-sink.js';
import type { RenditionReport } from '../playlists/media-playlist.js';
import type { CutSchedule } from '../timeline/cut-schedule.js';
import type { Epochs } from '../timeline/epochs.js';
import type { RenditionPlan } from '../timeline/plan.js';
import { BandwidthMeter } from './bandwidth-meter.js';
import type { Directive, PlaylistPosition } from './blocking-reload.js';
import { checkAdvance, isFirstAnswer, isSatisfied, Waiters } from './blocking-reload.js';
import { ListedMedia } from './listed-media.js';
import { LiveWindow } from './live-window.js';
import { type FoundFile, MediaFiles } from './media-files.js';
import { type PlaylistKind, RenditionPlaylists } from './rendition-playlists.js';
import type { CompleteSegment } from './segment.js';
import { SegmentArchive } from './segment-archive.js';
import { Segmenter } from './segmenter.js';

export interface RenditionOptions {
  readonly plan: RenditionPlan;
  readonly clock: Clock;
  readonly schedule: CutSchedule;
  readonly epochs: Epochs;
  /** Media sequence number of segment 0 of the schedule. */
  readonly firstMediaSequence: number;
  readonly windowSegments: number;
  readonly partTarget: Seconds;
  /** Delta updates are advertised. */
  readonly skips: boolean;
  /** Segments that have left memory stay listed until the playlist lasts so long; undefined without a store to read them from. */
  readonly dvrWindow: Seconds | undefined;
  /** EXT-X-PLAYLIST-TYPE:EVENT */
  readonly event: boolean;
  readonly onArchiveLost: (rendition: Rendition) => void;
  readonly programDateTime: (mediaTime: Seconds) => EpochMilliseconds;
  /** RENDITION-REPORT of all playlists but this one of the rendition, now. */
  readonly reports: (asked: Rendition, kind: PlaylistKind) => readonly RenditionReport[];
  readonly onSegment: (rendition: Rendition, segment: CompleteSegment) => void;
}

export class Rendition implements PartSink {
  /** Of the newest epoch it is in. */
  plan: RenditionPlan;
  readonly waiters: Waiters;
  /** Of complete segments. */
  bandwidth = new BandwidthMeter();
  readonly playlists: RenditionPlaylists;
  /** What is listed and not in memory; undefined without a DVR window. */
  readonly archive: SegmentArchive | undefined;
  readonly #options: RenditionOptions;
  readonly #window: LiveWindow;
  readonly #segmenter: Segmenter;
  readonly #files: MediaFiles;
  readonly #listed: ListedMedia;
  #ended = false;
  #withdrawn = false;
  #dirty = false;
  /** The publisher is gone: nobody knows whether a next part comes. */
  #isAway = false;
  #parts = 0;
  #mediaIndex: number | undefined;
  #lastProgress: Milliseconds = Number.NEGATIVE_INFINITY;

  constructor(options: RenditionOptions) {
    const { plan, clock, schedule, epochs, firstMediaSequence, partTarget, windowSegments, programDateTime } = options;
    this.plan = plan;
    this.#options = options;
    this.waiters = new Waiters(clock);
    const { dvrWindow } = options;
    if (dvrWindow !== undefined) {
      this.archive = new SegmentArchive({ duration: dvrWindow, iFrames: plan.kind === 'video' });
    }
    this.#window = new LiveWindow({
      segments: windowSegments,
      now: () => clock.now(),
      archive: this.archive,
      onArchiveLost: () => options.onArchiveLost(this),
    });
    this.#segmenter = new Segmenter({
      schedule,
      epochs,
      firstMediaSequence,
      partTarget,
      programDateTime,
      onSegment: (segment) => this.#add(segment),
    });
    const made = { schedule, segmenter: this.#segmenter, window: this.#window, archive: this.archive };
    this.#files = new MediaFiles(made);
    this.#listed = new ListedMedia({
      ...made,
      ...{ name: plan.name, partTarget, skips: options.skips, event: options.event },
      nextPart: () => (this.#isAway ? undefined : this.#files.nextPart),
      reports: (kind) => options.reports(this, kind),
      ended: () => this.#ended,
    });
    this.playlists = new RenditionPlaylists(this.#listed);
  }

  /** Of the newest init segment. */
  get track(): InitTrack | undefined {
    return this.#segmenter.init?.track;
  }

  /** Of every init segment that listed segments need, the newest first. */
  get listedTracks(): readonly InitTrack[] {
    const inits = this.#window.listed.filter(({ gap }) => !gap).map(({ init }) => init);
    return [...new Set([...(this.archive?.inits ?? []), ...inits])].reverse().map(({ track }) => track);
  }

  /** The newest init segment. */
  get init(): Buffer | undefined {
    return this.#segmenter.init?.bytes;
  }

  get window(): LiveWindow {
    return this.#window;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Players are told to go elsewhere. */
  get withdrawn(): boolean {
    return this.#withdrawn;
  }

  /** Complete segments with media made so far. */
  get segments(): number {
    return this.bandwidth.segments;
  }

  get parts(): number {
    return this.#parts;
  }

  /** Of the cut schedule: the newest segment with media or a gap, open or complete. */
  get highestIndex(): number | undefined {
    return this.#segmenter.open?.index ?? this.#segmenter.lastIndex;
  }

  /** Of the cut schedule: the newest complete segment or gap. */
  get lastIndex(): number | undefined {
    return this.#segmenter.lastIndex;
  }

  /** Media time at which its media ends so far. */
  get end(): Seconds | undefined {
    return this.#segmenter.end;
  }

  /** Of the cut schedule: the newest segment with media. */
  get mediaIndex(): number | undefined {
    return this.#mediaIndex;
  }

  /** When its last part came; monotonic. */
  get lastProgress(): Milliseconds {
    return this.#lastProgress;
  }

  // Making: see `Segmenter`

  get needsSync(): boolean {
    return this.#segmenter.needsSync;
  }

  setInit(bytes: Buffer, track: InitTrack): void {
    this.#segmenter.setInit(bytes, track);
  }

  resumeAt(index: number): void {
    this.#segmenter.resumeAt(index);
    this.#files.brokenHint = undefined;
  }

  interrupt(from: Seconds): void {
    this.#segmenter.interrupt(from);
  }

  closeInterrupted(): void {
    this.#segmenter.closeInterrupted();
  }

  accept(part: MadePart): void {
    if (!this.#segmenter.accept(part)) return;
    this.#isAway = false;
    this.#parts += 1;
    this.#mediaIndex = part.segmentIndex;
    this.#lastProgress = this.#options.clock.now();
    this.#dirty = true;
  }

  complete(segmentIndex: number): void {
    this.#segmenter.complete(segmentIndex);
  }

  /** Segment `index`, which nobody was shown anything of, is not made after all. */
  forget(index: number): void {
    const parts = this.#segmenter.forget(index);
    if (parts === 0) return;
    this.#parts -= parts;
    this.#mediaIndex = this.#segmenter.lastIndex;
  }

  giveUp(index: number): void {
    this.#segmenter.giveUp(index, this.plan.input === 'pipe');
  }

  finishRun(lastIndex: number): void {
    const hint = this.#files.nextPart;
    this.#segmenter.finishRun(lastIndex, this.plan.input === 'pipe');
    if (hint !== this.#files.nextPart) this.#files.brokenHint = hint;
  }

  /**
   * The publisher is gone and may come back. No part is hinted at until one comes: some players take a hint for a promise, and fail
   * when it is not kept. What was hinted at before is still waited for.
   */
  suspend(): void {
    this.#isAway = true;
    this.#dirty = true;
  }

  /** Out of all playlists; what players have loaded the names of stays for its time. */
  withdraw(): void {
    this.#withdrawn = true;
    this.#segmenter.withdraw();
    this.#window.retireAll(this.#options.schedule.targetDuration ?? 0);
    this.#dirty = true;
    this.publish();
  }

  /** Nothing was shown to anybody yet. */
  reset(): void {
    this.#segmenter.withdraw();
    this.#segmenter.startOver();
    this.#window.clear();
    this.bandwidth = new BandwidthMeter();
    this.#mediaIndex = undefined;
    this.#parts = 0;
    this.#listed.reset();
    this.playlists.segmentsChanged();
  }

  /** It is in the plan again: its playlist begins anew. */
  reinstate(): void {
    this.#withdrawn = false;
  }

  /** ENDLIST. */
  finish(): void {
    this.#ended = true;
    this.playlists.segmentsChanged();
    this.#dirty = true;
    this.publish();
  }

  /** Frees all media, whoever still holds this object. */
  dispose(): void {
    this.#window.clear();
    this.playlists.segmentsChanged();
  }

  /** What it says of the others is no longer true. */
  invalidate(): void {
    this.#dirty = true;
  }

  /** Shows what changed to those who wait for it: once per batch, not once per part. */
  publish(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    this.playlists.changed();
    this.waiters.wake();
  }

  #add(segment: CompleteSegment): void {
    const targetDuration = this.#options.schedule.targetDuration;
    this.#window.add(segment, targetDuration ?? segment.duration);
    if (!segment.gap) this.bandwidth.add(segment, targetDuration ?? 0);
    this.playlists.segmentsChanged();
    this.#dirty = true;
    this.#options.onSegment(this, segment);
  }

  // Reading

  get position(): PlaylistPosition {
    return this.#listed.position;
  }

  /** The target duration is known, and there is something to list: a complete segment, or for a directive a part. */
  isServable(forDirective: boolean): boolean {
    if (this.#options.schedule.targetDuration === undefined) return false;
    if (this.segments > 0 && this.#window.listed.length > 0) return true;
    return forDirective && (this.#segmenter.open?.parts.length ?? 0) > 0;
  }

  satisfies(directive: Directive): boolean {
    return this.#ended || this.#withdrawn || (this.isServable(true) && isSatisfied(directive, this.position));
  }

  /** See `isFirstAnswer`. False after ENDLIST. */
  isFirstAnswer(directive: Directive): boolean {
    return !this.#ended && isFirstAnswer(directive, this.position);
  }

  checkAdvance(directive: Directive): ReturnType<typeof checkAdvance> {
    return checkAdvance(directive, this.position, this.#options.partTarget);
  }

  /** The same Buffer until the next `publish`. Call only when `isServable`. */
  playlistBody(kind: PlaylistKind = 'media'): Buffer {
    this.publish();
    return this.playlists.full(kind);
  }

  /** A Playlist Delta Update, where there is something to skip; otherwise the full playlist. Like `playlistBody`. */
  deltaBody(kind: PlaylistKind = 'media'): Buffer {
    this.publish();
    return this.playlists.delta(kind);
  }

  /** It has a playlist of I-frames: a video with a complete segment. */
  get hasIFrames(): boolean {
    return this.plan.kind === 'video' && !this.#withdrawn && this.isServable(false);
  }

  /** How long its playlist lasts. */
  get listedDuration(): Seconds {
    return this.#window.listedDuration + (this.archive?.duration ?? 0);
  }

  /** What is only in the store is listed from this segment on. @returns how many went */
  dropBefore(mediaSequence: number): number {
    const archived = this.archive?.removeBefore(mediaSequence) ?? 0;
    return this.#dropped(archived + this.#window.dropReleasedBefore(mediaSequence));
  }

  #dropped(count: number): number {
    if (count === 0) return 0;
    this.playlists.segmentsChanged();
    this.#dirty = true;
    this.publish();
    return count;
  }

  /** For RENDITION-REPORT. Undefined for a playlist that has nothing to list yet, or that there is none of. */
  report(kind: PlaylistKind): RenditionReport | undefined {
    if (this.#withdrawn) return undefined;
    if (kind === 'media') return this.#listed.report;
    return this.hasIFrames && this.bandwidth.iFramePeak > 0 ? this.#listed.iFrameReport : undefined;
  }

  find(fileName: string): FoundFile {
    return this.#files.find(fileName, !this.#ended && !this.#withdrawn);
  }
}
