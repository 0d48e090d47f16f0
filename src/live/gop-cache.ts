// Keeps the tags since the last key frame, within a bound, so that a new viewer can start at once.
import type { Milliseconds } from '../protocols/units.js';
import type { LiveTag } from './tag.js';

/** 10 s at 13 Mbit/s. A longer GOP is not worth the memory: new viewers then wait for the next key frame. Bytes. */
export const GOP_CACHE_BYTES = 16 * 1024 * 1024;
/** Without video there is no key frame to start at; keep this much audio. */
const AUDIO_ONLY_WINDOW: Milliseconds = 2_000;

export class GopCache {
  readonly #maxBytes: number;
  #tags: LiveTag[] = [];
  #bytes = 0;
  #hasVideo = false;
  #open = false;
  #overflows = 0;

  constructor(maxBytes: number = GOP_CACHE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Number of GOPs that were too large to keep. */
  get overflows(): number {
    return this.#overflows;
  }

  /** In order of arrival, starting with the headers in force at the key frame; empty if there is no key frame to start at. */
  get tags(): readonly LiveTag[] {
    return this.#tags;
  }

  get keyFrame(): LiveTag | undefined {
    return this.#tags.find(({ keyFrame }) => keyFrame);
  }

  /** @param headers the metadata and sequence headers in force, including `tag`; called only where a new start is made */
  push(tag: LiveTag, headers: () => readonly LiveTag[]): void {
    if (tag.kind === 'video' && !this.#hasVideo) {
      this.#hasVideo = true;
      this.clear();
    }
    if (tag.keyFrame) {
      this.clear();
      this.#open = true;
      for (const header of headers()) this.#append(header);
      if (!this.#open) return;
    } else if (!this.#hasVideo) {
      this.#pushAudioOnly(tag, headers);
      return;
    }
    if (!this.#open) return;
    this.#append(tag);
  }

  clear(): void {
    this.#tags = [];
    this.#bytes = 0;
    this.#open = false;
  }

  #pushAudioOnly(tag: LiveTag, headers: () => readonly LiveTag[]): void {
    const first = this.#tags.find((cached) => !cached.sequenceHeader);
    const stale = first !== undefined && tag.dts - first.dts > AUDIO_ONLY_WINDOW;
    if (stale || this.#bytes + tag.body.length > this.#maxBytes) this.clear();
    this.#open = true;
    if (this.#tags.length === 0) {
      for (const header of headers()) this.#append(header);
      if (this.#tags.includes(tag)) return;
    }
    if (this.#open) this.#append(tag);
  }

  /** If a tag does not fit, the cache is emptied: half a GOP is useless. */
  #append(tag: LiveTag): void {
    if (!this.#open) return;
    if (this.#bytes + tag.body.length > this.#maxBytes) {
      this.clear();
      this.#overflows += 1;
      return;
    }
    this.#tags.push(tag);
    this.#bytes += tag.body.length;
  }
}
