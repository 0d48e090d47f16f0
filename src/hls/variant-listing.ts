// When a stream may be shown as a whole, and its multivariant playlist, rendered once for each version.

import { describeVariants } from './playlists/describe-variants.js';
import { renderMultivariantPlaylist } from './playlists/multivariant-playlist.js';
import type { CutSchedule } from './timeline/cut-schedule.js';
import type { Rendition } from './window/rendition.js';

/** A rendition that has shown nothing while the others made this many segments no longer holds up the start. */
const SEGMENTS_WITHOUT_LAGGARD = 3;

export interface VariantListingOptions {
  readonly renditions: {
    /** Of the epoch that runs, in the order of the ladder. */
    readonly active: readonly Rendition[];
    readonly all: readonly Rendition[];
  };
  readonly schedule: CutSchedule;
  /** Frames per second, for video renditions that do not say their own. */
  readonly frameRate: () => number | undefined;
}

export class VariantListing {
  readonly #options: VariantListingOptions;
  #ended = false;
  #changed = true;
  #wasPlayable = false;
  #latest: { readonly text: string; readonly body: Buffer } | undefined;

  constructor(options: VariantListingOptions) {
    this.#options = options;
  }

  /** The target duration is known and every rendition had a complete segment; from then on for ever. */
  get playable(): boolean {
    this.#wasPlayable ||= this.#options.schedule.targetDuration !== undefined && this.#listed().length > 0;
    return this.#wasPlayable;
  }

  /** A segment or an init segment came: rates, codecs or the list itself may differ. */
  changed(): void {
    this.#changed = true;
  }

  /** No rendition will come any more that has not come yet. */
  end(): void {
    this.#ended = true;
    this.#changed = true;
  }

  /** The same Buffer until its text changes. Call only when `playable`. */
  body(): Buffer {
    if (this.#latest !== undefined && !this.#changed) return this.#latest.body;
    this.#changed = false;
    const { schedule, frameRate } = this.#options;
    const playlist = describeVariants(this.#listed(), frameRate(), schedule.independentSegments, this.#ended);
    const text = renderMultivariantPlaylist(playlist);
    if (this.#latest?.text !== text) this.#latest = { text, body: Buffer.from(text) };
    return this.#latest.body;
  }

  /** At first all, or none when one of them may still come; without those that never came. Later those that are there. */
  #listed(): readonly Rendition[] {
    const { active, all } = this.#options.renditions;
    const ready = active.filter(({ segments }) => segments > 0);
    if (ready.length === active.length && ready.length > 0) return ready;
    if (this.#wasPlayable) {
      return ready.length > 0 ? ready : all.filter(({ segments, withdrawn }) => segments > 0 && !withdrawn);
    }
    const most = Math.max(0, ...ready.map(({ segments }) => segments));
    return this.#ended || most > SEGMENTS_WITHOUT_LAGGARD ? ready : [];
  }
}
