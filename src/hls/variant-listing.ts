// Decides when a stream is playable, and renders its multivariant playlist once per version.

import { describeVariants } from './playlists/describe-variants.js';
import { renderMultivariantPlaylist } from './playlists/multivariant-playlist.js';
import type { CutSchedule } from './timeline/cut-schedule.js';
import type { Rendition } from './window/rendition.js';

/** A rendition without media is no longer waited for once another one has more than this many segments. */
const SEGMENTS_WITHOUT_LAGGARD = 3;

export interface VariantListingOptions {
  readonly renditions: {
    /** Renditions of the current period, in the order of the ladder. */
    readonly active: readonly Rendition[];
    readonly all: readonly Rendition[];
  };
  readonly schedule: CutSchedule;
  /** Frames per second, for video renditions without their own frame rate. */
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

  /** True once the target duration is known and every rendition has had a complete segment; stays true. */
  get playable(): boolean {
    this.#wasPlayable ||= this.#options.schedule.targetDuration !== undefined && this.#listed().length > 0;
    return this.#wasPlayable;
  }

  /** Call when a segment or an init segment was added: rates, codecs or the list itself may have changed. */
  changed(): void {
    this.#changed = true;
  }

  /** Call when the presentation ends: renditions that have no media by now will never have any. */
  end(): void {
    this.#ended = true;
    this.#changed = true;
  }

  /** The same Buffer until its text changes. Call only if `playable`. */
  body(): Buffer {
    if (this.#latest !== undefined && !this.#changed) return this.#latest.body;
    this.#changed = false;
    const { schedule, frameRate } = this.#options;
    const listed = this.#listed();
    const independent = schedule.independence.isFrom(Math.min(...listed.map(firstIndex)));
    const playlist = describeVariants(listed, frameRate(), independent, this.#ended);
    const text = renderMultivariantPlaylist(playlist);
    if (this.#latest?.text !== text) this.#latest = { text, body: Buffer.from(text) };
    return this.#latest.body;
  }

  /**
   * Before the stream is playable: all renditions as soon as each has media; without those that are too late; or none while one of them is
   * still waited for. After that: those with media.
   */
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

/** Index in the cut schedule of the first segment that its playlist lists. */
function firstIndex({ archive, window }: Rendition): number {
  const first = archive !== undefined && archive.count > 0 ? archive.first : window.listed[0];
  return first?.index ?? Number.POSITIVE_INFINITY;
}
