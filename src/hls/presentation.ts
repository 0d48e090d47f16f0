// The interface of one stream: all its renditions on one timeline, with the same cuts, sequence numbers, discontinuities and dates.
import type { StoredBody } from '../contracts/stored-body.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import {
  type EpochMilliseconds,
  type Milliseconds,
  millisecondsToSeconds,
  type Seconds,
  secondsToMilliseconds,
} from '../protocols/units.js';
import { availableMedia, describeRendition, listRenditions } from './describe-rendition.js';
import type { InbandEvent } from './packaging/inband-events.js';
import { PresentationLife } from './presentation-life.js';
import type {
  PresentationCounters,
  PresentationOptions,
  RenditionInfo,
  RenditionListing,
  RenditionMedia,
} from './presentation-options.js';
import { StoredReads } from './store/stored-reads.js';
import type { Rendition } from './window/rendition.js';
import type { ByteSpan } from './window/segment.js';

export type { MediaSample } from './packaging/part.js';
export type {
  PresentationCounters,
  PresentationOptions,
  RenditionInfo,
  SourceFrame,
} from './presentation-options.js';
export type { SegmentStore } from './store/segment-store.js';
export type { PeriodPlan, RenditionPlan } from './timeline/plan.js';

/** Start of a timeline that has no media yet. */
const FIRST_ORIGIN: Milliseconds = 1_000;

export class Presentation extends PresentationLife {
  readonly #reads: StoredReads | undefined;
  #carriesEvents = false;

  constructor(options: PresentationOptions) {
    super(options);
    this.#reads = options.store && new StoredReads(options.store);
  }

  /** Whether the multivariant playlist can be served: every rendition has a complete segment. */
  get playable(): boolean {
    return this.variants.playable;
  }

  /** Runs the asynchronous work of the presentation. */
  get domain(): FailureDomain {
    return this.options.domain;
  }

  /** Duration of the longest playlist of its renditions. */
  get windowDuration(): Seconds {
    return Math.max(0, ...this.set.all.map(({ listedDuration }) => listedDuration));
  }

  /** Renditions of the current period. */
  get renditions(): readonly RenditionInfo[] {
    return this.set.active.map((rendition) => describeRendition(rendition, this.plan.frameRate));
  }

  get counters(): PresentationCounters {
    const discontinuities = this.discontinuityNumber - (this.options.firstDiscontinuitySequence ?? 0);
    return { ...this.incidents.counters, discontinuities, storeFailures: this.writeBehind?.failures ?? 0 };
  }

  /** Whether writing to the store fails at present. The store keeps its files, and writing is retried. */
  get storeFailing(): boolean {
    return this.writeBehind?.failing ?? false;
  }

  /** One more than the highest media sequence number used. */
  get nextMediaSequence(): number {
    return this.options.firstMediaSequence + this.set.highestIndex + 1;
  }

  /** Number of EXT-X-DISCONTINUITY tags so far; a later presentation of this name starts from it. */
  get discontinuityNumber(): number {
    return this.periods.discontinuityNumber;
  }

  /** Frames per second of the publisher's pictures. */
  get frameRate(): number | undefined {
    return this.plan.frameRate;
  }

  /**
   * The stream time whose EXT-X-PROGRAM-DATE-TIME is the current time, but at least the end of all media. The timeline of a returning
   * publisher starts here.
   */
  get resumeTime(): Milliseconds {
    const { now, newest } = this.dates;
    if (now === undefined) return FIRST_ORIGIN;
    return Math.ceil(Math.max(now, newest + secondsToMilliseconds(this.timing.frame ?? 0), this.set.end));
  }

  /** The date of a media time; see EXT-X-PROGRAM-DATE-TIME. */
  dateOf(mediaTime: Seconds): EpochMilliseconds {
    return this.dates.at(mediaTime);
  }

  /** The media time that has this date, or the current date; undefined before the first sample. */
  mediaTimeOf(date?: EpochMilliseconds): Seconds | undefined {
    const { now, dateNow } = this.dates;
    return now === undefined ? undefined : millisecondsToSeconds(now - (date === undefined ? 0 : dateNow - date));
  }

  /** Whether an event was put into its media. */
  get carriesEvents(): boolean {
    return this.#carriesEvents;
  }

  /**
   * Puts an event into the parts of every video rendition, or into those of the sound if there is no video.
   * @returns false if so many wait that one was left out
   */
  addEvent(event: InbandEvent): boolean {
    this.#carriesEvents = true;
    const { active } = this.set;
    const videos = active.filter(({ plan }) => plan.kind === 'video');
    const carriers = videos.length > 0 ? videos : active;
    return carriers.filter(({ segmenter }) => !segmenter.maker.events.add(event)).length === 0;
  }

  /** The date that media time 0 had when the stream began; see `DashPresentation`. */
  get mediaOrigin(): EpochMilliseconds {
    return this.dates.origin;
  }

  /** The current media time, as a date counted from `mediaOrigin`. */
  get mediaNow(): EpochMilliseconds {
    return this.dates.mediaNow;
  }

  /** The segments of every rendition that players may load, for manifests of other formats over the same segments. */
  get listings(): readonly RenditionListing[] {
    return listRenditions(this.set, this.plan.frameRate);
  }

  /** The complete segments that can still be loaded, of every rendition that is not withdrawn. */
  get available(): readonly RenditionMedia[] {
    return this.set.all.filter(({ withdrawn }) => !withdrawn).map(availableMedia);
  }

  /** Number of requests that wait for anything of this presentation. */
  get waiting(): number {
    return this.playableWaiters.size + this.set.waiting;
  }

  /** The longest of the publisher's newest GOPs; undefined if none was measured. */
  get longestGop(): Seconds | undefined {
    const { longestGop } = this.schedule;
    return longestGop === undefined ? undefined : millisecondsToSeconds(longestGop);
  }

  /** Undefined also for a withdrawn rendition: see `anyRendition`. */
  rendition(name: string): Rendition | undefined {
    const rendition = this.set.find(name);
    return rendition?.withdrawn === true ? undefined : rendition;
  }

  /** Also finds a withdrawn rendition, whose media players may still be loading. */
  anyRendition(name: string): Rendition | undefined {
    return this.set.find(name);
  }

  /** The same Buffer until its text changes. Call only if `playable`. */
  multivariantBody(): Buffer {
    return this.variants.body();
  }

  /**
   * A file that, by `Rendition.find`, is only in the store; undefined if it has disappeared.
   * @throws the error of the store
   */
  async readStored(rendition: string, file: string, within?: ByteSpan): Promise<Buffer | StoredBody | undefined> {
    return this.#reads?.body(`${this.app}/${this.name}/${rendition}/${file}`, within);
  }

  /** A file that `Rendition.find` located in the store is missing there: removes it from the playlists. */
  missed(rendition: Rendition, file: string): void {
    this.writeBehind?.missed(rendition, file);
  }

  /** Resolves when the store has all segments that are complete now, or failed to take them. */
  async stored(): Promise<void> {
    await this.writeBehind?.afterNextPass();
  }

  /** Removes its playlists from the store some time after its end; its media may still be requested. Never rejects. */
  async unlist(): Promise<void> {
    await this.writeBehind?.unlist();
  }

  /** Releases its media and removes its files. Call after its end, when players have had time to load them. Never rejects. */
  async dispose(): Promise<void> {
    for (const rendition of this.set.all) rendition.dispose();
    await this.writeBehind?.dispose();
  }
}
