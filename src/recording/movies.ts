// Recordings as MP4 files, made on request. The last few are cached, because one download is many range requests.

import type { CatalogueEntry } from './catalogue.js';
import { recordingError } from './errors.js';
import { type RecordedMovie, recordedMovie } from './recorded-movie.js';
import { isOpen } from './recording-facts.js';
import { WorkInTurn } from './work-in-turn.js';

/** Each holds its sample tables: about 15 bytes per picture, 15 MB for ten hours. */
const REMEMBERED = 4;

export class Movies {
  readonly #made = new Map<string, Promise<RecordedMovie>>();
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
    if (known !== undefined) return known;
    // One at a time, because each reads all segments of its recording.
    const making = this.#turns
      .take(() => recordedMovie(entry, wanted))
      .catch((error: unknown) => {
        // A failure is not cached: the file may be readable again at the next request.
        this.#made.delete(key);
        throw error;
      });
    this.#made.set(key, making);
    for (const oldest of this.#made.keys()) {
      if (this.#made.size <= REMEMBERED) break;
      this.#made.delete(oldest);
    }
    return making;
  }
}
