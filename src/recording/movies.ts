// Recordings as MP4 files, made on request. The last ones are cached, because one download is many range requests.

import type { Seconds } from '../protocols/units.js';
import type { CatalogueEntry } from './catalogue.js';
import { recordingError } from './errors.js';
import { type RecordedMovie, recordedMovie } from './recorded-movie.js';
import { isOpen } from './recording-facts.js';
import { WorkInTurn } from './work-in-turn.js';

/** Limit of all cached movies; the newest one is always kept. Ten hours of video and audio have about 40 MiB of sample tables. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;
/** Maximum number of cached movies, because the size of a movie is unknown until its tables are read. */
const MAX_REMEMBERED = 32;

/** Longest recording as one MP4. All its samples are in memory while its tables are made: some hundred bytes each, tens of them a second. */
const LONGEST: Seconds = 12 * 3600;
/** Movies that are made or wait for their turn. */
const MAX_WAITING = 8;

export class Movies {
  /** Ordered by the last request, the most recent one last. */
  readonly #made = new Map<string, { readonly movie: Promise<RecordedMovie>; heldBytes: number }>();
  readonly #turns = new WorkInTurn();
  #waiting = 0;

  /**
   * @param rendition a video, or `audio`; default: the first video
   * @throws {SluiceError} `recording.being-made`, `recording.mp4`, `recording.mp4-limit`
   */
  get(entry: CatalogueEntry, rendition?: string): Promise<RecordedMovie> {
    const { id, renditions, duration } = entry.facts;
    if (isOpen(entry.facts)) throw recordingError('recording.being-made', `recording ${id} is still being made`);
    if (duration > LONGEST) {
      const hours = `${(duration / 3600).toFixed(1)} hours, expected at most ${LONGEST / 3600}`;
      throw recordingError(
        'recording.mp4',
        `recording ${id} is too long for one MP4: got ${hours}; cut clips out of it`,
      );
    }
    const video = rendition ?? renditions.find((one) => one.video)?.name ?? 'audio';
    const wanted = [...new Set([video, 'audio'])].filter((name) => renditions.some((one) => one.name === name));
    if (!wanted.includes(video)) throw recordingError('recording.mp4', `recording ${id} has no rendition ${video}`);
    const key = `${id}/${video}`;
    const known = this.#made.get(key);
    if (known !== undefined) {
      this.#made.delete(key);
      this.#made.set(key, known);
      return known.movie;
    }
    if (this.#waiting >= MAX_WAITING) {
      const most = `${MAX_WAITING} MP4 files are being made, expected at most as many; try again soon`;
      throw recordingError('recording.mp4-limit', most);
    }
    this.#waiting += 1;
    // One at a time, because each reads all segments of its recording.
    const movie = this.#turns.take(() => recordedMovie(entry, wanted));
    const making = { movie, heldBytes: 0 };
    this.#made.set(key, making);
    return movie.then(
      (made) => {
        this.#waiting -= 1;
        making.heldBytes = made.heldBytes;
        this.#forgetOldest();
        return made;
      },
      (error: unknown) => {
        this.#waiting -= 1;
        // A failure is not cached: the file may be readable again at the next request.
        if (this.#made.get(key) === making) this.#made.delete(key);
        throw error;
      },
    );
  }

  /** Bytes of the cached movies. */
  get heldBytes(): number {
    return [...this.#made.values()].reduce((sum, { heldBytes }) => sum + heldBytes, 0);
  }

  #forgetOldest(): void {
    for (const [oldest] of this.#made) {
      if (this.#made.size === 1 || (this.heldBytes <= MAX_HELD_BYTES && this.#made.size <= MAX_REMEMBERED)) return;
      this.#made.delete(oldest);
    }
  }
}
