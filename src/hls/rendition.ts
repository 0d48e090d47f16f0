// One track as players see it: keeps the live window, answers what it is asked, and renders each playlist version once.

import type { Clock } from '../protocols/clock.js';
import type { InitTrack } from '../protocols/mp4/init-segment.js';
import { type EpochMilliseconds, type Milliseconds, type Seconds, secondsToMilliseconds } from '../protocols/units.js';
import { BandwidthMeter } from './bandwidth-meter.js';
import type { Directive, PlaylistPosition } from './blocking-reload.js';
import { checkAdvance, isSatisfied, Waiters } from './blocking-reload.js';
import type { CutSchedule } from './cut-schedule.js';
import type { Epochs } from './epochs.js';
import { type Listing, lowLatencyPlaylist, plainPlaylist } from './list-window.js';
import { LiveWindow } from './live-window.js';
import { type MediaPlaylist, type RenditionReport, renderMediaPlaylist } from './media-playlist.js';
import type { MadePart, PartSink } from './part-sink.js';
import type { RenditionPlan } from './plan.js';
import { type CompleteSegment, type InitSegment, parseMediaFileName, partUri } from './segment.js';
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
  readonly programDateTime: (mediaTime: Seconds) => EpochMilliseconds;
  /** RENDITION-REPORT of the others, now. */
  readonly reports: (asked: Rendition) => readonly RenditionReport[];
  readonly onSegment: (rendition: Rendition, segment: CompleteSegment) => void;
}

export type FoundFile =
  | { readonly kind: 'init' | 'segment' | 'part'; readonly body: Buffer }
  /** The part the playlist hints at: it will be there. */
  | 'hinted'
  | undefined;

export class Rendition implements PartSink {
  /** Of the newest epoch it is in. */
  plan: RenditionPlan;
  readonly waiters: Waiters;
  /** Of complete segments. */
  bandwidth = new BandwidthMeter();
  readonly #options: RenditionOptions;
  readonly #window: LiveWindow;
  readonly #segmenter: Segmenter;
  #ended = false;
  #withdrawn = false;
  #dirty = false;
  #body: Buffer | undefined;
  #parts = 0;
  /** Hinted at, and then its segment was closed without it because the publisher went. */
  #brokenHint: string | undefined;
  #mediaIndex: number | undefined;
  #lastProgress: Milliseconds = Number.NEGATIVE_INFINITY;

  constructor(options: RenditionOptions) {
    const { plan, clock, schedule, epochs, firstMediaSequence, partTarget, windowSegments, programDateTime } = options;
    this.plan = plan;
    this.#options = options;
    this.waiters = new Waiters(clock);
    this.#window = new LiveWindow({ segments: windowSegments, now: () => clock.now() });
    this.#segmenter = new Segmenter({
      schedule,
      epochs,
      firstMediaSequence,
      partTarget,
      programDateTime,
      onSegment: (segment) => this.#add(segment),
    });
  }

  /** Of the newest init segment. */
  get track(): InitTrack | undefined {
    return this.#segmenter.init?.track;
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
    this.#brokenHint = undefined;
  }

  interrupt(): void {
    this.#segmenter.interrupt();
  }

  closeInterrupted(): void {
    this.#segmenter.closeInterrupted();
  }

  accept(part: MadePart): void {
    if (!this.#segmenter.accept(part)) return;
    this.#parts += 1;
    this.#mediaIndex = part.segmentIndex;
    this.#lastProgress = this.#options.clock.now();
    this.#dirty = true;
  }

  complete(segmentIndex: number): void {
    this.#segmenter.complete(segmentIndex);
  }

  giveUp(index: number): void {
    this.#segmenter.giveUp(index, this.plan.input === 'pipe');
  }

  finishRun(lastIndex: number): void {
    const hint = this.#nextPart();
    this.#segmenter.finishRun(lastIndex, this.plan.input === 'pipe');
    if (hint !== this.#nextPart()) this.#brokenHint = hint;
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
    this.#body = undefined;
  }

  /** It is in the plan again: its playlist begins anew. */
  reinstate(): void {
    this.#withdrawn = false;
  }

  /** ENDLIST. */
  finish(): void {
    this.#ended = true;
    this.#dirty = true;
    this.publish();
  }

  /** Frees all media, whoever still holds this object. */
  dispose(): void {
    this.#window.clear();
    this.#body = undefined;
  }

  /** What it says of the others is no longer true. */
  invalidate(): void {
    this.#dirty = true;
  }

  /** Shows what changed to those who wait for it: once per batch, not once per part. */
  publish(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#body = undefined;
    this.waiters.wake();
  }

  #add(segment: CompleteSegment): void {
    const targetDuration = this.#options.schedule.targetDuration;
    this.#window.add(segment, targetDuration ?? segment.duration);
    if (!segment.gap) this.bandwidth.add(segment, targetDuration ?? 0);
    this.#dirty = true;
    this.#options.onSegment(this, segment);
  }

  // Reading

  get position(): PlaylistPosition {
    const { open } = this.#segmenter;
    const openParts = open?.parts.length ?? 0;
    const lastMediaSequence = open === undefined ? (this.#segmenter.lastMediaSequence ?? -1) : open.mediaSequence - 1;
    return { lastMediaSequence, openParts, partsOf: (msn) => this.#window.find(msn)?.parts.length };
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
    if (this.#segmenter.open !== undefined) {
      return {
        uri,
        lastMediaSequence: this.#segmenter.open.mediaSequence,
        lastPart: this.#segmenter.open.parts.length - 1,
      };
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
        const init = this.#findInit(fileName);
        return init === undefined ? undefined : { kind: 'init', body: init.bytes };
      }
      case 'segment': {
        const segment = this.#window.find(name.mediaSequence);
        return segment === undefined || segment.gap ? undefined : { kind: 'segment', body: segment.media.whole() };
      }
      case 'part': {
        const { open } = this.#segmenter;
        const isOpen = open?.mediaSequence === name.mediaSequence;
        const body = isOpen
          ? open?.bodies[name.index]
          : this.#window.find(name.mediaSequence)?.media.pieces[name.index];
        if (body !== undefined) return { kind: 'part', body };
        return this.#isHinted(fileName) ? 'hinted' : undefined;
      }
    }
  }

  #isHinted(fileName: string): boolean {
    if (this.#ended || this.#withdrawn) return false;
    return fileName === this.#nextPart() || fileName === this.#brokenHint;
  }

  #findInit(uri: string): InitSegment | undefined {
    if (this.#segmenter.open?.init.uri === uri) return this.#segmenter.open.init;
    for (const { init } of this.#window.available()) if (init.uri === uri) return init;
    return undefined;
  }

  /** The part that comes next: the first of the next segment, when the open one is expected to end where it is now. */
  #nextPart(): string | undefined {
    const { open, openContinues, lastMediaSequence } = this.#segmenter;
    if (open !== undefined) {
      const full = !openContinues && this.#options.schedule.expectsCut(secondsToMilliseconds(open.end));
      return full ? partUri(open.mediaSequence + 1, 0) : partUri(open.mediaSequence, open.parts.length);
    }
    return lastMediaSequence === undefined ? undefined : partUri(lastMediaSequence + 1, 0);
  }

  /** The same window as any HLS server would list it: what is written to disk. */
  plainPlaylist(): MediaPlaylist {
    return plainPlaylist(this.#listing());
  }

  #lowLatencyPlaylist(): MediaPlaylist {
    return lowLatencyPlaylist(this.#listing(), {
      partTarget: this.#options.partTarget,
      nextPart: this.#nextPart(),
      reports: this.#options.reports(this),
    });
  }

  #listing(): Listing {
    const { targetDuration, independentSegments } = this.#options.schedule;
    return {
      targetDuration: targetDuration ?? 0,
      independentSegments,
      complete: this.#window.listed,
      open: this.#segmenter.open,
      ended: this.#ended,
    };
  }
}
