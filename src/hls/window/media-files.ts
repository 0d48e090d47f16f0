// Finds the bytes for a file name in a track's playlists, in memory or in the store.
import type { CutSchedule } from '../timeline/cut-schedule.js';
import type { LiveWindow } from './live-window.js';
import { type ByteSpan, type InitSegment, parseMediaFileName } from './segment.js';
import type { SegmentArchive } from './segment-archive.js';
import type { Segmenter } from './segmenter.js';

/** Where the media of a track is kept. */
export interface MadeMedia {
  readonly schedule: CutSchedule;
  readonly segmenter: Segmenter;
  readonly window: LiveWindow;
  readonly archive: SegmentArchive | undefined;
}

export type FoundFile =
  | { readonly kind: 'init' | 'segment' | 'part'; readonly body: Buffer }
  /** No longer in memory; it is, or was, in the store. */
  | { readonly kind: 'init' | 'segment'; readonly body?: undefined; readonly within?: undefined }
  /** A part of a segment that has left memory: these bytes of its file. */
  | { readonly kind: 'part'; readonly body?: undefined; readonly within: { readonly uri: string } & ByteSpan }
  /** The part that the playlist hints at, which has not been made yet. */
  | 'hinted'
  | undefined;

export class MediaFiles {
  readonly #made: MadeMedia;

  constructor(made: MadeMedia) {
    this.#made = made;
  }

  /** @param goesOn whether further parts will come */
  find(fileName: string, goesOn: boolean): FoundFile {
    const name = parseMediaFileName(fileName);
    if (name === undefined) return undefined;
    switch (name.kind) {
      case 'init': {
        const init = this.#findInit(fileName);
        if (init !== undefined) return { kind: 'init', body: init.bytes };
        return this.#made.archive?.held(name.mediaSequence) === true ? { kind: 'init' } : undefined;
      }
      case 'segment': {
        const segment = this.#made.window.find(name.mediaSequence);
        if (segment?.gap === true) return undefined;
        if (segment?.media.isReleased === true) return { kind: 'segment' };
        if (segment !== undefined) return { kind: 'segment', body: segment.media.whole() };
        return this.#made.archive?.held(name.mediaSequence) === true ? { kind: 'segment' } : undefined;
      }
      case 'part': {
        const { open } = this.#made.segmenter;
        const isOpen = open?.mediaSequence === name.mediaSequence;
        const segment = isOpen ? undefined : this.#made.window.find(name.mediaSequence);
        const body = isOpen ? open?.bodies[name.index]?.whole() : segment?.media.part(name.index);
        if (body !== undefined) return { kind: 'part', body };
        const stored = segment?.gap === false ? segment.media.storedPart(name.index) : undefined;
        if (segment !== undefined && stored !== undefined)
          return { kind: 'part', within: { uri: segment.uri, ...stored } };
        return goesOn && this.#made.segmenter.hints(fileName) ? 'hinted' : undefined;
      }
    }
  }

  #findInit(uri: string): InitSegment | undefined {
    if (this.#made.segmenter.open?.init.uri === uri) return this.#made.segmenter.open.init;
    for (const { init } of this.#made.window.available()) if (init.uri === uri) return init;
    return this.#made.archive?.init(uri);
  }
}
