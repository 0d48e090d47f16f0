// One track as players see it: keeps the live window, answers what it is asked, and renders each playlist version once.

import type { Clock } from '../protocols/clock.js';
import type { InitTrack } from '../protocols/mp4/init-segment.js';
import type { EpochMilliseconds, Seconds } from '../protocols/units.js';
import { BandwidthMeter } from './bandwidth-meter.js';
import type { Directive, PlaylistPosition } from './blocking-reload.js';
import { checkAdvance, isSatisfied, Waiters } from './blocking-reload.js';
import type { CutSchedule } from './cut-schedule.js';
import type { Generation } from './generations.js';
import { type Listing, lowLatencyPlaylist, plainPlaylist } from './list-window.js';
import { LiveWindow } from './live-window.js';
import { type MediaPlaylist, type RenditionReport, renderMediaPlaylist } from './media-playlist.js';
import type { MadePart } from './part-sink.js';
import type { RenditionPlan } from './plan.js';
import { type CompleteSegment, type InitSegment, parseMediaFileName, partUri } from './segment.js';
import { Segmenter } from './segmenter.js';

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

export class Rendition {
  readonly plan: RenditionPlan;
  readonly waiters: Waiters;
  /** Of complete segments. */
  readonly bandwidth = new BandwidthMeter();
  readonly #options: RenditionOptions;
  readonly #window: LiveWindow;
  readonly #segmenter: Segmenter;
  #ended = false;
  #dirty = false;
  #body: Buffer | undefined;
  #parts = 0;

  constructor(options: RenditionOptions) {
    const { plan, clock, schedule, windowSegments, programDateTime } = options;
    this.plan = plan;
    this.#options = options;
    this.waiters = new Waiters(clock);
    this.#window = new LiveWindow({ segments: windowSegments, now: () => clock.now() });
    this.#segmenter = new Segmenter({ schedule, programDateTime, onSegment: (segment) => this.#add(segment) });
  }

  /** Of the newest init segment. */
  get track(): InitTrack | undefined {
    return this.#segmenter.track;
  }

  get window(): LiveWindow {
    return this.#window;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Complete segments with media made so far. */
  get segments(): number {
    return this.bandwidth.segments;
  }

  get parts(): number {
    return this.#parts;
  }

  /** Highest media sequence number with media or a gap, open or complete. */
  get highestMediaSequence(): number | undefined {
    return this.#segmenter.open?.mediaSequence ?? this.#segmenter.lastMediaSequence;
  }

  /** Media time at which its media ends so far. */
  get end(): Seconds | undefined {
    return this.#segmenter.end;
  }

  // Making: see `Segmenter`

  setInit(bytes: Buffer, track: InitTrack): void {
    this.#segmenter.setInit(bytes, track);
  }

  begin(generation: Generation): void {
    this.#segmenter.begin(generation);
  }

  accept(part: MadePart): void {
    if (!this.#segmenter.accept(part)) return;
    this.#parts += 1;
    this.#dirty = true;
  }

  finishGeneration(upTo: number): void {
    this.#segmenter.finishGeneration(upTo);
  }

  /** ENDLIST. */
  finish(): void {
    this.#segmenter.finish();
    this.#ended = true;
    this.#dirty = true;
    this.publish();
  }

  /** Frees all media, whoever still holds this object. */
  dispose(): void {
    this.#window.clear();
    this.#body = undefined;
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
    this.#options.onSegment(segment);
  }

  // Reading

  get position(): PlaylistPosition {
    const openParts = this.#segmenter.open?.parts.length ?? 0;
    const lastMediaSequence =
      this.#segmenter.open === undefined
        ? (this.#segmenter.lastMediaSequence ?? -1)
        : this.#segmenter.open.mediaSequence - 1;
    return { lastMediaSequence, openParts, partsOf: (msn) => this.#window.find(msn)?.parts.length };
  }

  /** The target duration is known, and there is something to list: a complete segment, or for a directive a part. */
  isServable(forDirective: boolean): boolean {
    if (this.#options.schedule.targetDuration === undefined) return false;
    if (this.#window.listed.some((segment) => !segment.gap)) return true;
    return forDirective && (this.#segmenter.open?.parts.length ?? 0) > 0;
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
        return segment === undefined || segment.gap ? undefined : { kind: 'segment', body: segment.body };
      }
      case 'part': {
        const isOpen = this.#segmenter.open?.mediaSequence === name.mediaSequence;
        const parts = isOpen ? this.#segmenter.open?.parts : this.#window.find(name.mediaSequence)?.parts;
        const part = parts?.[name.index];
        if (part !== undefined) return { kind: 'part', body: part.body };
        return !this.#ended && fileName === this.#nextPart() ? 'hinted' : undefined;
      }
    }
  }

  #findInit(uri: string): InitSegment | undefined {
    if (this.#segmenter.open?.init.uri === uri) return this.#segmenter.open.init;
    for (const { init } of this.#window.available()) if (init.uri === uri) return init;
    return undefined;
  }

  #nextPart(): string | undefined {
    if (this.#segmenter.open !== undefined)
      return partUri(this.#segmenter.open.mediaSequence, this.#segmenter.open.parts.length);
    return this.#segmenter.lastMediaSequence === undefined
      ? undefined
      : partUri(this.#segmenter.lastMediaSequence + 1, 0);
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
      open: this.#segmenter.open,
      ended: this.#ended,
    };
  }
}
