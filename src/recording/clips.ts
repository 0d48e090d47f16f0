// Makes clips, one at a time.

import type { SluiceError } from '../protocols/errors.js';
import type { EpochMilliseconds, Seconds } from '../protocols/units.js';
import type { Catalogue, CatalogueEntry } from './catalogue.js';
import { recordingAsSource, streamAsSource } from './clip-source.js';
import { recordingError } from './errors.js';
import { type ClipPlace, type ClipRequest, makeClip } from './make-clip.js';
import type { RecordedStream } from './recorded-stream.js';
import { WorkInTurn } from './work-in-turn.js';

export interface ClipsOptions {
  /** Finished clips are added to it. */
  readonly catalogue: Catalogue;
  readonly root: string;
  /** See `directoryOf`. */
  readonly template: string;
  /** A new id, and the time in it. */
  readonly newId: () => { readonly id: string; readonly time: EpochMilliseconds };
}

/** Longest clip of a viewer. */
const LONGEST_OF_VIEWERS: Seconds = 600;
/** What a clip of a viewer counts in addition to its media: directories, playlists, and its place in the catalogue. */
const CLIP_BYTES = 64 * 1024;

/** Requests that wait for their turn; each has a few hundred bytes. */
const MAX_WAITING = 32;
/** How many of them may be those of viewers, so that an operator always finds a place. */
const MAX_WAITING_OF_VIEWERS = 16;

export class Clips {
  readonly #options: ClipsOptions;
  readonly #turns = new WorkInTurn();
  #waiting = 0;
  #waitingOfViewers = 0;

  constructor(options: ClipsOptions) {
    this.#options = options;
  }

  /** @throws {SluiceError} `recording.clip`, `recording.clip-limit`; the system error if it cannot be written */
  ofRecording(recording: CatalogueEntry, clip: ClipRequest): Promise<CatalogueEntry> {
    return this.#inTurn(async () => makeClip(await recordingAsSource(recording), clip, this.#place()));
  }

  /**
   * For a viewer, who may not fill the disk.
   * @param most bytes that the clips of all viewers may have together
   * @throws like `ofRecording`
   */
  async forViewer(recording: CatalogueEntry, clip: Omit<ClipRequest, 'by'>, most: number): Promise<CatalogueEntry> {
    if (this.#waitingOfViewers >= MAX_WAITING_OF_VIEWERS) throw tooMany(MAX_WAITING_OF_VIEWERS);
    this.#waitingOfViewers += 1;
    try {
      return await this.#inTurn(async () => {
        const mostBytes = most - this.#viewerBytes() - CLIP_BYTES;
        const request = { ...clip, by: 'viewer', longest: LONGEST_OF_VIEWERS, mostBytes } as const;
        return makeClip(await recordingAsSource(recording), request, this.#place());
      });
    } finally {
      this.#waitingOfViewers -= 1;
    }
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

  #viewerBytes(): number {
    let bytes = 0;
    for (const { facts } of this.#options.catalogue.entries()) {
      if (facts.clip?.by === 'viewer') bytes += facts.bytes + CLIP_BYTES;
    }
    return bytes;
  }

  async #inTurn(make: () => Promise<CatalogueEntry>): Promise<CatalogueEntry> {
    if (this.#waiting >= MAX_WAITING) throw tooMany(MAX_WAITING);
    this.#waiting += 1;
    try {
      return await this.#turns.take(async () => {
        const made = await make();
        this.#options.catalogue.set(made);
        return made;
      });
    } finally {
      this.#waiting -= 1;
    }
  }
}

function tooMany(most: number): SluiceError {
  return recordingError('recording.clip-limit', `${most} clips are being made, expected at most as many`);
}
