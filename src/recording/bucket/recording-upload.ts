// Uploads one recording: compares the files on disk with the uploaded objects, and uploads the rest. There is no queue besides the files: while the
// store accepts nothing, they wait on disk, and none is skipped.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../protocols/clock.js';
import { systemCode } from '../../protocols/system-error.js';
import type { Milliseconds } from '../../protocols/units.js';
import type { CatalogueEntry } from '../catalogue.js';
import { PLAYLIST } from '../recorded-playlist.js';
import { UPLOAD_MARK } from '../recording-directory.js';
import { isOpen } from '../recording-facts.js';
import type { BucketLine } from './bucket-line.js';
import { type BucketPlace, keyOf, nameOf } from './bucket-place.js';
import { type ObjectHeaders, playlistHeaders } from './object-headers.js';
import type { S3Bucket } from './s3-bucket.js';
import { TrackUpload } from './track-upload.js';
import { readUploadMark, writeUploadMark } from './upload-mark.js';

export interface RecordingUploadOptions {
  readonly entry: CatalogueEntry;
  readonly place: BucketPlace;
  readonly bucket: S3Bucket;
  readonly line: BucketLine;
  readonly clock: Clock;
  /** Called when bytes were sent. */
  readonly onSent: (bytes: number) => void;
}

/** Path of the recordings below the prefix. The gateway serves them at the same path. */
export const RECORDINGS = 'vod';

export class RecordingUpload {
  entry: CatalogueEntry;
  readonly #options: RecordingUploadOptions;
  readonly #tracks = new Map<string, TrackUpload>();
  /** Sizes of objects that an earlier process has sent, by path below that of the recording; undefined until they were listed. */
  #there: ReadonlyMap<string, number> | undefined;
  #isMarked = false;
  #variants = '';
  #isStopped = false;

  constructor(options: RecordingUploadOptions) {
    this.#options = options;
    this.entry = options.entry;
  }

  /** Bytes of media that are not uploaded yet. */
  get pendingBytes(): number {
    let sent = 0;
    for (const { bytes } of this.#tracks.values()) sent += bytes;
    return Math.max(0, this.entry.facts.bytes - sent);
  }

  /** Stops after the current request, because the recording is being removed. */
  stop(): void {
    this.#isStopped = true;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Whether the whole recording was in the bucket at the last check. */
  async isComplete(): Promise<boolean> {
    const mark = await readUploadMark(join(this.entry.directory, UPLOAD_MARK));
    return mark?.state === 'complete' && mark.place === nameOf(this.#options.place);
  }

  /**
   * Uploads new files.
   * @returns 'complete' if a finished recording is completely uploaded; otherwise the delay after which a playlist is due; undefined if none is
   * @throws the system error of a local file; {NoLongerWanted}
   */
  async pass(): Promise<'complete' | Milliseconds | undefined> {
    const { facts, directory } = this.entry;
    await this.#begin();
    const due = await Promise.all(facts.renditions.map(({ name }) => this.#track(name).pass()));
    await this.#putVariants();
    if (!isOpen(facts) && this.#isFinal) {
      await writeUploadMark(directory, { place: nameOf(this.#options.place), state: 'complete' });
      return 'complete';
    }
    const waits = due.filter((delay) => delay !== undefined);
    return waits.length === 0 ? undefined : Math.min(...waits);
  }

  /** A rendition that has only gaps is not part of the finished recording, and its playlists never get an end. */
  get #isFinal(): boolean {
    return this.entry.facts.renditions.every(({ name }) => this.#tracks.get(name)?.isFinal === true);
  }

  async #begin(): Promise<void> {
    if (this.#isMarked) return;
    const { directory } = this.entry;
    const place = nameOf(this.#options.place);
    const mark = await readUploadMark(join(directory, UPLOAD_MARK));
    // Without a mark nothing was sent.
    this.#there ??= mark?.place === place ? await this.#list() : new Map();
    await writeUploadMark(directory, { place, state: 'uploading' });
    this.#isMarked = true;
  }

  async #list(): Promise<Map<string, number>> {
    const { bucket, line } = this.#options;
    const prefix = `${this.#keyOf('')}`;
    const there = new Map<string, number>();
    let next: string | undefined;
    do {
      const page = await line.persist('list', (signal) => bucket.list(prefix, next, signal), this.#isWanted);
      for (const { key, size } of page.objects) there.set(key.slice(prefix.length), size);
      next = page.next;
    } while (next !== undefined);
    return there;
  }

  #track(name: string): TrackUpload {
    let track = this.#tracks.get(name);
    if (track === undefined) {
      track = new TrackUpload({
        ...{ name, directory: join(this.entry.directory, name), clock: this.#options.clock },
        put: (path, headers, body) => this.#put(path, headers, body),
        there: (path) => this.#there?.get(path),
      });
      this.#tracks.set(name, track);
    }
    return track;
  }

  /** Uploaded last, because it lists the playlists of the renditions. */
  async #putVariants(): Promise<void> {
    const text = await readTextIfThere(join(this.entry.directory, PLAYLIST));
    if (text === undefined) return;
    const isThere = (name: string): boolean => this.#tracks.get(name)?.isListed ?? false;
    if (!renditionsOf(text).every(isThere)) return;
    const isFinal = this.#isFinal;
    // The final version is uploaded even if the text is unchanged, because its headers allow caches to keep it.
    const version = `${isFinal ? 'final' : 'growing'} ${text}`;
    if (version === this.#variants) return;
    await this.#put(PLAYLIST, playlistHeaders(isFinal ? undefined : VARIANTS_AGE), async () => Buffer.from(text));
    this.#variants = version;
  }

  async #put(path: string, headers: ObjectHeaders, body: () => Promise<Buffer>): Promise<void> {
    const { bucket, line, onSent } = this.#options;
    const key = this.#keyOf(path);
    const send = async (signal: AbortSignal): Promise<number> => {
      // Read for each attempt, so that waiting uploads take no memory.
      const bytes = await body();
      await bucket.put({ key, body: bytes, ...headers }, signal);
      return bytes.length;
    };
    onSent(await line.persist('write', send, this.#isWanted));
  }

  readonly #isWanted = (): boolean => !this.#isStopped;

  #keyOf(path: string): string {
    return keyOf(this.#options.place, `${RECORDINGS}/${this.entry.facts.id}/${path}`);
  }
}

/** Assumed target duration of a growing multivariant playlist, for its cache headers. */
const VARIANTS_AGE = 4;

/** Names of the renditions whose playlists a multivariant playlist lists: the first segment of each URI. */
function renditionsOf(text: string): string[] {
  const uris = [...text.matchAll(/URI="([^"]+)"/g)].map(([, uri = '']) => uri);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return [...uris, ...lines].map((uri) => uri.split('/')[0] ?? '');
}

async function readTextIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
