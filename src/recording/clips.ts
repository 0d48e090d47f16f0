// Makes clips, one at a time.

import type { EpochMilliseconds } from '../protocols/units.js';
import type { CatalogueEntry } from './catalogue.js';
import { recordingAsSource, streamAsSource } from './clip-source.js';
import { recordingError } from './errors.js';
import { type ClipPlace, type ClipRequest, makeClip } from './make-clip.js';
import type { RecordedStream } from './recorded-stream.js';
import { WorkInTurn } from './work-in-turn.js';

export interface ClipsOptions {
  readonly root: string;
  /** See `directoryOf`. */
  readonly template: string;
  /** A new id, and the time in it. */
  readonly newId: () => { readonly id: string; readonly time: EpochMilliseconds };
}

/** Requests that wait for their turn; each has a few hundred bytes. */
const MAX_WAITING = 32;

export class Clips {
  readonly #options: ClipsOptions;
  readonly #turns = new WorkInTurn();
  #waiting = 0;

  constructor(options: ClipsOptions) {
    this.#options = options;
  }

  /** @throws {SluiceError} `recording.clip`, `recording.clip-limit`; the system error if it cannot be written */
  ofRecording(recording: CatalogueEntry, clip: ClipRequest): Promise<CatalogueEntry> {
    return this.#inTurn(async () => makeClip(await recordingAsSource(recording), clip, this.#place()));
  }

  /** From the segments that players of the stream can still load. @throws like `ofRecording` */
  ofStream(stream: RecordedStream, clip: ClipRequest): Promise<CatalogueEntry> {
    return this.#inTurn(() => makeClip(streamAsSource(stream), clip, this.#place()));
  }

  #place(): ClipPlace {
    const { root, template, newId } = this.#options;
    const { id, time: madeAt } = newId();
    return { root, template, id, madeAt };
  }

  async #inTurn(make: () => Promise<CatalogueEntry>): Promise<CatalogueEntry> {
    if (this.#waiting >= MAX_WAITING) {
      throw recordingError('recording.clip-limit', `${MAX_WAITING} clips are being made, expected at most as many`);
    }
    this.#waiting += 1;
    try {
      return await this.#turns.take(make);
    } finally {
      this.#waiting -= 1;
    }
  }
}
