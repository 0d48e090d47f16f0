// Reads one media playlist as a low-latency player does, across restarts of the gateway, and keeps each version.
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { type ParsedPlaylist, parsePlaylist } from './playlist-checker.js';

export interface FollowerOptions {
  /** Called with every version as soon as it has been read. `stop` rethrows its exceptions. */
  readonly onVersion?: (rendition: string, text: string, playlist: ParsedPlaylist) => void;
  /** Whether the server may be away for a while: connections may be refused, and streams may be unknown at first. */
  readonly mayVanish?: boolean;
  /** Whether to stop at EXT-X-ENDLIST. Otherwise later streams of the same name are followed too. */
  readonly untilEnd?: boolean;
  /** Default `index.m3u8`. */
  readonly file?: string;
  /** Milliseconds between reloads of a playlist that has no blocking reload; default 100. */
  readonly pause?: number;
}

export class PlaylistFollower {
  readonly rendition: string;
  readonly versions: { readonly at: number; readonly playlist: ParsedPlaylist }[] = [];
  /** Statuses other than 200, in order. */
  readonly refusals: number[] = [];
  readonly #base: string;
  readonly #options: FollowerOptions;
  readonly #stopped = new AbortController();
  readonly #done: Promise<void>;
  #text = '';
  #failure: unknown;

  /** @param base `http://…/hls/APP/NAME` */
  constructor(base: string, rendition: string, options: FollowerOptions = {}) {
    this.#base = base;
    this.rendition = rendition;
    this.#options = options;
    this.#done = this.#follow().catch((error) => {
      if (!this.#stopped.signal.aborted) this.#failure = error;
    });
    onTestFinished(() => {
      this.#stopped.abort();
      return this.#done;
    });
  }

  get last(): ParsedPlaylist | undefined {
    return this.versions.at(-1)?.playlist;
  }

  /** All versions so far. @throws the error that ended following */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * Resolves when following has ended.
   * @throws the error that ended following
   */
  async ended(): Promise<void> {
    await this.#done;
    this.check();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#done;
    this.check();
  }

  async #follow(): Promise<void> {
    let query = '';
    while (!this.#stopped.signal.aborted) {
      const answer = await this.#get(query);
      if (answer.status === 200) {
        const ended = this.#read(answer.text);
        if (ended && this.#options.untilEnd === true) return;
        query = ended ? '' : this.#next();
        if (query !== '') continue;
      } else {
        this.refusals.push(answer.status);
        const expected =
          answer.status === 503 || (this.#options.mayVanish === true && [0, 404].includes(answer.status));
        if (!expected) throw new Error(`${this.rendition}${query}: ${answer.status} ${answer.text}`);
        query = '';
      }
      await delay(this.#options.pause ?? 100, undefined, { signal: this.#stopped.signal });
    }
  }

  async #get(query: string): Promise<{ status: number; text: string }> {
    try {
      const url = `${this.#base}/${this.rendition}/${this.#options.file ?? 'index.m3u8'}${query}`;
      const response = await fetch(url, { signal: this.#stopped.signal });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      if (this.#stopped.signal.aborted || this.#options.mayVanish !== true) throw error;
      return { status: 0, text: String(error) };
    }
  }

  #read(text: string): boolean {
    const playlist = parsePlaylist(text);
    if (text !== this.#text) {
      this.#text = text;
      this.versions.push({ at: Date.now(), playlist });
      this.#options.onVersion?.(this.rendition, text, playlist);
    }
    return playlist.ended;
  }

  /** The part after the last listed one. */
  #next(): string {
    const { last } = this;
    if (last?.serverControl?.get('CAN-BLOCK-RELOAD') !== 'YES') return '';
    const part = last.partTarget === undefined ? '' : `&_HLS_part=${last.openParts.length}`;
    return `?_HLS_msn=${last.mediaSequence + last.segments.length}${part}`;
  }
}
