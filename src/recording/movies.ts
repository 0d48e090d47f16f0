// Recordings as MP4 files, made on request. The last ones are cached, because one download is many range requests.

import type { CatalogueEntry } from './catalogue.js';
import { recordingError } from './errors.js';
import { type RecordedMovie, recordedMovie } from './recorded-movie.js';
import { isOpen } from './recording-facts.js';
import { WorkInTurn } from './work-in-turn.js';

/** Limit of all cached movies; the newest one is always kept. Ten hours of video and audio have about 40 MiB of sample tables. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;
/** Maximum number of cached movies, because the size of a movie is unknown until its tables are read. */
const MAX_REMEMBERED = 32;

export class Movies {
  /** Ordered by the last request, the most recent one last. */
  readonly #made = new Map<string, { readonly movie: Promise<RecordedMovie>; heldBytes: number }>();
  readonly #turns = new WorkInTurn();

  /**
   * @param rendition a video, or `audio`; default: the first video
   * @throws {SluiceError} `recording.being-made`, `recording.mp4`
   */
  get(entry: CatalogueEntry, rendition?: string): Promise<RecordedMovie> {
    const { id, renditions } = entry.facts;
    if (isOpen(entry.facts)) throw recordingError('recording.being-made', `recording ${id} is still being made`);
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
    // One at a time, because each reads all segments of its recording.
    const movie = this.#turns.take(() => recordedMovie(entry, wanted));
    const making = { movie, heldBytes: 0 };
    this.#made.set(key, making);
    return movie.then(
      (made) => {
        making.heldBytes = made.heldBytes;
        this.#forgetOldest();
        return made;
      },
      (error: unknown) => {
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
