// Tells waiting requests and the store what has changed: once for each frame or each piece of pipe output, however many parts it made.
// `PresentationLife` calls `publish` after new media and after each decision; `Rendition.publish` then wakes that rendition's requests.
import type { Incidents } from './incidents.js';
import type { RenditionSet } from './rendition-set.js';
import type { WriteBehind } from './store/write-behind.js';
import type { CutSchedule } from './timeline/cut-schedule.js';
import type { VariantListing } from './variant-listing.js';
import type { Waiters } from './window/blocking-reload.js';
import type { Rendition } from './window/rendition.js';
import type { CompleteSegment } from './window/segment.js';

export type SegmentListener = (rendition: Rendition, segment: CompleteSegment) => void;

export interface AnnouncementsOptions {
  readonly set: Pick<RenditionSet, 'all'>;
  readonly schedule: Pick<CutSchedule, 'targetDuration' | 'beginsInPause'>;
  readonly variants: Pick<VariantListing, 'playable' | 'changed'>;
  /** Woken when the stream becomes playable. */
  readonly playableWaiters: Waiters;
  readonly incidents: Pick<Incidents, 'missingMedia'>;
  readonly writeBehind: WriteBehind | undefined;
}

export class Announcements {
  /** Whether there is something to publish. */
  isDue = true;
  readonly #options: AnnouncementsOptions;
  readonly #listeners = new Set<SegmentListener>();
  /** Renditions whose changes have not been published yet. */
  #changed: Rendition[] = [];
  #segmentAdded = false;
  #wasServable = false;

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
  }

  noteChange(rendition: Rendition): void {
    this.isDue = true;
    this.#changed.push(rendition);
  }

  /** @returns a function that removes the listener */
  listen(listener: SegmentListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  noteSegment(rendition: Rendition, segment: CompleteSegment): void {
    const { schedule, variants, incidents } = this.#options;
    const { mediaSequence, index, gap } = segment;
    if (gap) incidents.missingMedia(rendition.plan.name, mediaSequence, schedule.beginsInPause(index));
    variants.changed();
    this.#segmentAdded = true;
    for (const listener of this.#listeners) listener(rendition, segment);
  }

  publish(): void {
    const { set, schedule, variants, playableWaiters, writeBehind } = this.#options;
    for (const rendition of this.#changed.splice(0)) rendition.publish();
    this.isDue = schedule.targetDuration === undefined;
    if (!this.#wasServable && !this.isDue) {
      this.#wasServable = true;
      for (const rendition of set.all) rendition.mediaWaiters.wake();
    }
    if (!this.#segmentAdded) return;
    this.#segmentAdded = false;
    if (playableWaiters.size > 0 && variants.playable) playableWaiters.wake();
    writeBehind?.wake();
  }
}
