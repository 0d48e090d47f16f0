// Changes and removes finished recordings. Whoever writes into the directory of a recording takes turns with all others.

import { join } from 'node:path';
import type { Catalogue, CatalogueEntry } from './catalogue.js';
import { recordingError } from './errors.js';
import { replaceFile } from './files.js';
import { removeRecording } from './recording-directory.js';
import { FACTS_FILE, isOpen, type RecordingFacts, renderFacts } from './recording-facts.js';
import type { RecordingsOptions } from './recordings-options.js';
import { isRemovable } from './retention.js';
import { WorkInTurn } from './work-in-turn.js';

export class FinishedRecordings {
  readonly #options: Pick<RecordingsOptions, 'root' | 'logger' | 'onEvent'>;
  readonly #catalogue: Catalogue;
  readonly #seek: (id: string) => Promise<CatalogueEntry | undefined>;
  /** By recording, also while it is made. */
  readonly #turns = new Map<string, WorkInTurn>();

  /** @param seek also finds recordings of earlier processes that are not in the catalogue yet */
  constructor(
    options: Pick<RecordingsOptions, 'root' | 'logger' | 'onEvent'>,
    catalogue: Catalogue,
    seek: (id: string) => Promise<CatalogueEntry | undefined>,
  ) {
    this.#options = options;
    this.#catalogue = catalogue;
    this.#seek = seek;
  }

  /** @throws {SluiceError} `recording.no-such-recording` */
  async existing(id: string): Promise<CatalogueEntry> {
    const entry = await this.#seek(id);
    if (entry === undefined) throw recordingError('recording.no-such-recording', `there is no recording ${id}`);
    return entry;
  }

  turnsOf(id: string): WorkInTurn {
    const turns = this.#turns.get(id) ?? new WorkInTurn();
    this.#turns.set(id, turns);
    return turns;
  }

  /** @throws like `existing`; the system error if it cannot be written */
  change(id: string, change: { readonly title?: string; readonly pinned?: boolean }): Promise<RecordingFacts> {
    return this.#inTurn(id, async (entry) => {
      const facts = { ...entry.facts, ...change };
      await replaceFile(join(entry.directory, FACTS_FILE), renderFacts(facts));
      this.#catalogue.set({ ...entry, facts });
      return facts;
    });
  }

  /** @throws like `existing`; `recording.being-made`; the system error if it cannot be removed */
  remove(id: string): Promise<void> {
    return this.#inTurn(id, async (entry) => {
      if (isOpen(entry.facts)) throw recordingError('recording.being-made', `recording ${id} is still being made`);
      await this.#remove(entry);
    });
  }

  /** Removes a recording that retention has chosen, unless it was pinned or removed since then. */
  async expire(id: string): Promise<void> {
    if (this.#catalogue.get(id) === undefined) return;
    await this.turnsOf(id).take(async () => {
      const entry = this.#catalogue.get(id);
      if (entry !== undefined && isRemovable(entry)) await this.#remove(entry);
    });
  }

  /** Removes what was begun and has nothing to play. @throws the system error if it cannot be removed */
  removeEmpty(entry: CatalogueEntry): Promise<void> {
    return this.turnsOf(entry.facts.id).take(() => this.#remove(entry, false));
  }

  /** The recording may have been removed before its turn comes, so it is looked up again. */
  async #inTurn<T>(id: string, work: (entry: CatalogueEntry) => Promise<T>): Promise<T> {
    await this.existing(id);
    return this.turnsOf(id).take(async () => work(await this.existing(id)));
  }

  async #remove(entry: CatalogueEntry, tell = true): Promise<void> {
    const { root, logger, onEvent } = this.#options;
    const { id, app, name } = entry.facts;
    this.#catalogue.remove(id);
    try {
      await removeRecording(root, entry);
      this.#turns.delete(id);
    } catch (error) {
      // It could not be removed, so it is listed again.
      this.#catalogue.set(entry);
      throw error;
    }
    if (!tell) return;
    logger.info({ app, stream: name, recording: id }, 'recording removed');
    onEvent({ type: 'recording.removed', recording: entry.facts });
  }
}
