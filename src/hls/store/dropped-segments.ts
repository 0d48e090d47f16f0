// Drops the oldest segments from the playlists when the disk is full, or when the index of segments that are only on disk exceeds its memory limit.
// Segments at the live edge are never dropped.

import type { Clock } from '../../protocols/clock.js';
import { systemCode } from '../../protocols/system-error.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../../protocols/units.js';
import type { Rendition } from '../window/rendition.js';
import type { StorePath } from './segment-store.js';
import type { StoredFiles } from './stored-files.js';

export interface DroppedSegmentsOptions {
  readonly files: StoredFiles;
  readonly clock: Clock;
  /** Directory of the stream: `live/name`. */
  readonly directory: StorePath;
  readonly renditions: { readonly all: readonly Rendition[] };
  readonly incidents: { dvrDropped(): void };
  /** Memory for the indexes of segments that are only on disk, for all renditions together. */
  readonly maxIndexBytes?: number | undefined;
  /** Called after a drop, because the playlists in the store still list the dropped segments. */
  readonly onDropped: () => void;
}

/** Enough for 44 hours of five renditions with segments of 2 s. */
const MAX_INDEX_BYTES = 256 * 1024 * 1024;

/** When the disk, or the memory for the index, is full, this share of the segments that are only on disk is dropped. */
const DROPPED_SHARE = 1 / 4;

export class DroppedSegments {
  readonly #options: DroppedSegmentsOptions;

  constructor(options: DroppedSegmentsOptions) {
    this.#options = options;
  }

  /** When the disk is full: removes files that are no longer listed or, if there are none, drops the oldest segments that are only on disk. */
  async makeRoom(cause: unknown): Promise<void> {
    if (!['ENOSPC', 'EDQUOT'].includes(String(systemCode(cause)))) return;
    const { files, clock } = this.#options;
    const hadUnlisted = files.hasLeaving;
    await files.removeLeaving(() => true);
    // This may have freed enough; the next pass will show.
    if (hadUnlisted) return;
    this.#oldest(() => clock.now());
    await files.removeLeaving(() => true);
  }

  /**
   * Without this limit, an unlimited DVR window would fill the memory within many days. Viewers with an older playlist can still load the files of
   * dropped segments.
   */
  boundIndexes(): void {
    const { renditions, maxIndexBytes = MAX_INDEX_BYTES } = this.#options;
    const bytes = renditions.all.reduce((sum, { archive }) => sum + (archive?.bytes ?? 0), 0);
    if (bytes > maxIndexBytes) this.#oldest((longest) => this.leavingAt(longest.listedDuration, longest));
  }

  /**
   * Drops the oldest segments that are only in the store. @param removeAt when to remove their files, given the rendition with the longest playlist
   */
  #oldest(removeAt: (longest: Rendition) => Milliseconds): void {
    const indexed = this.#options.renditions.all.flatMap((rendition) =>
      rendition.archive?.count ? [{ rendition, archive: rendition.archive }] : [],
    );
    const [longest] = indexed.sort((a, b) => b.archive.count - a.archive.count);
    if (longest === undefined) return;
    const { rendition, archive } = longest;
    // All renditions drop the same segments, so that players that switch find the same list.
    this.before(archive.first.mediaSequence + Math.ceil(archive.count * DROPPED_SHARE), removeAt(rendition));
  }

  /** Removes segments before this one from the lists, if they are only in the store; their files are removed at `removeAt`. */
  before(mediaSequence: number, removeAt: Milliseconds): void {
    const { renditions, incidents, files, directory, onDropped } = this.#options;
    let dropped = 0;
    for (const rendition of renditions.all) {
      const count = rendition.dropBefore(mediaSequence);
      if (count === 0) continue;
      dropped += count;
      const first = Math.min(mediaSequence, rendition.window.listed[0]?.mediaSequence ?? mediaSequence);
      files.retire(`${directory}/${rendition.plan.name}`, first, neededInits(rendition), removeAt);
    }
    if (dropped === 0) return;
    incidents.dvrDropped();
    onDropped();
  }

  /** RFC 8216bis 6.2.2: a removed segment stays available for its duration plus that of the longest playlist that listed it. */
  leavingAt(longestPlaylist: Seconds, { window }: Rendition): Milliseconds {
    const longestSegment = window.listed.reduce((longest, { duration }) => Math.max(longest, duration), 0);
    return this.#options.clock.now() + secondsToMilliseconds(longestPlaylist + 2 * longestSegment);
  }
}

/** Names of the init segments that listed segments need. */
export function neededInits({ window, archive }: Rendition): Set<string> {
  const names = new Set(window.listed.map(({ init }) => init.uri));
  for (const { uri } of archive?.inits ?? []) names.add(uri);
  return names;
}
