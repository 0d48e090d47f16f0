// One track as players see it: keeps the live window, answers requests, and renders each playlist version once.
import type { Clock } from '../../protocols/clock.js';
import type { InitTrack } from '../../protocols/mp4/init-segment.js';
import { StateMachine } from '../../protocols/state-machine.js';
import type { EpochMilliseconds, Seconds } from '../../protocols/units.js';
import type { RenditionReport } from '../playlists/media-playlist.js';
import type { CutSchedule } from '../timeline/cut-schedule.js';
import type { RenditionPlan } from '../timeline/plan.js';
import type { StreamPeriods } from '../timeline/stream-periods.js';
import { BandwidthMeter } from './bandwidth-meter.js';
import type { Directive, PlaylistPosition } from './blocking-reload.js';
import { checkAdvance, isFirstAnswer, isSatisfied, Waiters } from './blocking-reload.js';
import { LiveWindow } from './live-window.js';
import { type FoundFile, MediaFiles } from './media-files.js';
import { ListedMedia, type PlaylistKind, RenditionPlaylists } from './rendition-playlists.js';
import type { CompleteSegment } from './segment.js';
import { SegmentArchive } from './segment-archive.js';
import { Segmenter } from './segmenter.js';

export interface RenditionOptions {
  readonly plan: RenditionPlan;
  readonly clock: Clock;
  readonly schedule: CutSchedule;
  readonly periods: StreamPeriods;
  /** Media sequence number of segment 0 of the schedule. */
  readonly firstMediaSequence: number;
  readonly windowSegments: number;
  readonly partTarget: Seconds;
  /** Whether delta updates are advertised. */
  readonly skips: boolean;
  /** Segments that have left memory stay listed until the playlist has this duration; undefined without a store to read them from. */
  readonly dvrWindow: Seconds | undefined;
  /** EXT-X-PLAYLIST-TYPE:EVENT */
  readonly event: boolean;
  readonly onArchiveLost: () => void;
  readonly programDateTime: (mediaTime: Seconds) => EpochMilliseconds;
  /** Current RENDITION-REPORTs of all playlists but the given one of the given rendition. */
  readonly reports: (asked: Rendition, kind: PlaylistKind) => readonly RenditionReport[];
  readonly onSegment: (rendition: Rendition, segment: CompleteSegment) => void;
  /** Called once before each `publish` that is due. */
  readonly onChange: (rendition: Rendition) => void;
}

/**
 * What the presentation has decided about it:
 *
 * - `live`: its media comes.
 * - `away`: the publisher has left, or has returned and nothing came yet. No part is hinted at: some players take a hint for a promise, and
 *   fail when it is not kept. What was hinted at before is still waited for.
 * - `withdrawn`: it has no playlist, and players are told to use another rendition. A later period may have it again.
 * - `ended`: with ENDLIST.
 */
type RenditionState = 'live' | 'away' | 'withdrawn' | 'ended';

export class Rendition {
  /** Its plan in the newest period that contains it. */
  plan: RenditionPlan;
  /** Requests for a playlist position, or for a hinted part. Those for the multivariant playlist wait in `PresentationLife`. */
  readonly mediaWaiters: Waiters;
  /** Rates of complete segments. */
  bandwidth = new BandwidthMeter();
  readonly playlists: RenditionPlaylists;
  /** Segments that are listed but not in memory; undefined without a DVR window. */
  readonly archive: SegmentArchive | undefined;
  readonly window: LiveWindow;
  /** Receives its parts. */
  readonly segmenter: Segmenter;
  readonly #options: RenditionOptions;
  readonly #files: MediaFiles;
  readonly #listed: ListedMedia;
  readonly #state = new StateMachine<RenditionState>('rendition', 'live', {
    live: ['away', 'withdrawn', 'ended'],
    away: ['live', 'away', 'withdrawn', 'ended'],
    withdrawn: ['away'],
    ended: [],
  });
  #dirty = false;

  constructor(options: RenditionOptions) {
    const { plan, clock, schedule, periods, firstMediaSequence, partTarget, windowSegments, programDateTime } = options;
    this.plan = plan;
    this.#options = options;
    this.mediaWaiters = new Waiters(clock);
    const { dvrWindow } = options;
    if (dvrWindow !== undefined) {
      this.archive = new SegmentArchive({ duration: dvrWindow, iFrames: plan.kind === 'video' });
    }
    this.window = new LiveWindow({
      segments: windowSegments,
      now: () => clock.now(),
      archive: this.archive,
      onArchiveLost: options.onArchiveLost,
    });
    this.segmenter = new Segmenter({
      schedule,
      periods,
      firstMediaSequence,
      partTarget,
      programDateTime,
      onSegment: (segment) => this.#add(segment),
      onPart: () => this.#onPart(),
    });
    const made = { schedule, segmenter: this.segmenter, window: this.window, archive: this.archive };
    this.#files = new MediaFiles(made);
    this.#listed = new ListedMedia({
      ...made,
      ...{ name: plan.name, partTarget, skips: options.skips, event: options.event },
      nextPart: () => (this.#state.is('away') ? undefined : this.segmenter.nextPart),
      reports: (kind) => options.reports(this, kind),
      ended: () => this.ended,
    });
    this.playlists = new RenditionPlaylists(this.#listed);
  }

  /** Track of the newest init segment. */
  get track(): InitTrack | undefined {
    return this.segmenter.init?.track;
  }

  /** Tracks of all init segments that listed segments need, the newest first. */
  get listedTracks(): readonly InitTrack[] {
    const inits = this.window.listed.filter(({ gap }) => !gap).map(({ init }) => init);
    return [...new Set([...(this.archive?.inits ?? []), ...inits])].reverse().map(({ track }) => track);
  }

  /** The newest init segment. */
  get init(): Buffer | undefined {
    return this.segmenter.init?.bytes;
  }

  get ended(): boolean {
    return this.#state.is('ended');
  }

  get withdrawn(): boolean {
    return this.#state.is('withdrawn');
  }

  /** Number of complete segments with media made so far. */
  get segments(): number {
    return this.bandwidth.segments;
  }

  get parts(): number {
    return this.segmenter.parts;
  }

  /** Media time at which its media ends so far. */
  get end(): Seconds | undefined {
    return this.segmenter.end;
  }

  /** Whether missing media means that an encoder failed, and not that the publisher paused. */
  get isEncoded(): boolean {
    return this.plan.input === 'pipe';
  }

  // Life: the presentation decides

  /** No media comes until the next part: the publisher has left, or the rendition has just returned to the plan. */
  setAway(): void {
    this.#state.to('away');
    this.invalidate();
  }

  /** Removes it from all playlists. Media whose names players already know can still be loaded for its retention time. */
  withdraw(): void {
    this.#state.to('withdrawn');
    this.segmenter.clear();
    this.window.retireAll(this.#options.schedule.targetDuration ?? 0);
    this.invalidate();
  }

  /** Writes ENDLIST, unless it has no playlist. */
  finish(): void {
    if (this.withdrawn) return;
    this.#state.to('ended');
    this.playlists.segmentsChanged();
    this.invalidate();
    this.publish();
  }

  /** Starts again, because nothing was published yet. */
  reset(): void {
    this.segmenter.reset();
    this.window.clear();
    this.bandwidth = new BandwidthMeter();
    this.#listed.reset();
    this.playlists.segmentsChanged();
  }

  /** Releases all media, even if this object is still referenced. */
  dispose(): void {
    this.window.clear();
    this.playlists.segmentsChanged();
  }

  /** Call when the text of its playlists is out of date: `publish` is due. */
  invalidate(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    this.#options.onChange(this);
  }

  /** Publishes changes to waiting requests: once per batch, not once per part. */
  publish(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    this.playlists.changed();
    this.mediaWaiters.wake();
  }

  #add(segment: CompleteSegment): void {
    const targetDuration = this.#options.schedule.targetDuration;
    this.window.add(segment, targetDuration ?? segment.duration);
    if (!segment.gap) this.bandwidth.add(segment, targetDuration ?? 0);
    this.playlists.segmentsChanged();
    this.invalidate();
    this.#options.onSegment(this, segment);
  }

  #onPart(): void {
    if (this.#state.is('away')) this.#state.to('live');
    this.invalidate();
  }

  // Output

  get position(): PlaylistPosition {
    return this.#listed.position;
  }

  /**
   * Whether the target duration is known and there is something to list.
   * @param least what must be listed: a complete segment, or at least a part, which is enough for a request with directives
   */
  isServable(least: 'segment' | 'part'): boolean {
    if (this.#options.schedule.targetDuration === undefined) return false;
    if (this.segments > 0 && this.window.listed.length > 0) return true;
    return least === 'part' && (this.segmenter.open?.parts.length ?? 0) > 0;
  }

  satisfies(directive: Directive): boolean {
    return this.ended || this.withdrawn || (this.isServable('part') && isSatisfied(directive, this.position));
  }

  /** See `isFirstAnswer`. False after ENDLIST. */
  isFirstAnswer(directive: Directive): boolean {
    return !this.ended && isFirstAnswer(directive, this.position);
  }

  checkAdvance(directive: Directive): ReturnType<typeof checkAdvance> {
    return checkAdvance(directive, this.position, this.#options.partTarget);
  }

  /** The same Buffer until the next `publish`. Call only if `isServable`. */
  playlistBody(kind: PlaylistKind = 'media'): Buffer {
    this.publish();
    return this.playlists.full(kind);
  }

  /** A Playlist Delta Update if there are segments to skip; otherwise the full playlist. Like `playlistBody`. */
  deltaBody(kind: PlaylistKind = 'media'): Buffer {
    this.publish();
    return this.playlists.delta(kind);
  }

  /** Whether it has an I-frame playlist: a video with a complete segment. */
  get hasIFrames(): boolean {
    return this.plan.kind === 'video' && !this.withdrawn && this.isServable('segment');
  }

  /** Duration of its playlist. */
  get listedDuration(): Seconds {
    return this.window.listedDuration + (this.archive?.duration ?? 0);
  }

  /** Removes segments before this one from the list, if they are only in the store. @returns the number of removed segments */
  dropBefore(mediaSequence: number): number {
    const archived = this.archive?.removeBefore(mediaSequence) ?? 0;
    const count = archived + this.window.dropReleasedBefore(mediaSequence);
    if (count === 0) return 0;
    this.playlists.segmentsChanged();
    this.invalidate();
    this.publish();
    return count;
  }

  /** For RENDITION-REPORT. Undefined for a playlist that is empty or does not exist. */
  report(kind: PlaylistKind): RenditionReport | undefined {
    if (this.withdrawn) return undefined;
    if (kind === 'media') return this.#listed.report;
    return this.hasIFrames && this.bandwidth.iFramePeak > 0 ? this.#listed.iFrameReport : undefined;
  }

  find(fileName: string): FoundFile {
    return this.#files.find(fileName, !this.ended && !this.withdrawn);
  }
}
