// What the copy in a bucket may never do: list what is not there, keep more than its bounds, forget what it must remove, or write beside another.

import type { Mutation } from './mutation.js';

const BUCKET = 'src/recording/bucket';
const RECORDINGS = 'test/recording/bucket/recording-uploads.test.ts';
const LIVE = 'test/recording/bucket/live-uploads.test.ts';

export const BUCKET_MUTATIONS: readonly Mutation[] = [
  {
    drops: 'that media is in the bucket before a playlist lists it',
    file: `${BUCKET}/track-upload.ts`,
    text: 'if (!gap) await this.#putFile(uri);',
    replacement: 'if (!gap) this.#putFile(uri).catch(() => undefined);',
    test: RECORDINGS,
    title: 'lists only stored media, whatever fails',
    short: true,
  },
  {
    drops: 'that live media stays in the bucket while its playlist lists it',
    file: `${BUCKET}/live-track.ts`,
    text: 'this.#gone.push(...this.list.add(entry, this.#options.targetDuration()));',
    replacement: 'this.#options.onGone(this.list.add(entry, this.#options.targetDuration()));',
    test: LIVE,
    title: 'lists nothing that the store has not taken',
  },
  {
    drops: 'that playlists leave the bucket before their media',
    file: `${BUCKET}/remove-below.ts`,
    text: "key.endsWith('.m3u8'), () => true]",
    replacement: "!key.endsWith('.m3u8'), () => true]",
    test: RECORDINGS,
    title: 'is also removed from the bucket, playlists first',
  },
  {
    drops: 'that a removed recording is remembered until it has left the bucket',
    file: 'src/recording/recording-directory.ts',
    text: 'await rename(mark,',
    replacement: 'void (mark,',
    test: RECORDINGS,
    title: 'is removed from the bucket after a crash between the two removals',
  },
  {
    drops: 'the bound on requests to the bucket at a time',
    file: `${BUCKET}/bucket-line.ts`,
    text: 'while (this.#running >= this.#options.connections && !',
    replacement: 'while (this.#running >= 1000 && !',
    test: RECORDINGS,
    title: 'at most 8 requests at a time',
  },
  {
    drops: 'the bound on answers of the bucket',
    file: `${BUCKET}/bounded-exchange.ts`,
    text: 'if (length > maxBytes) throw',
    replacement: 'if (length < 0) throw',
    test: RECORDINGS,
    title: 'takes an answer of more than 64 KiB for a failure',
  },
  {
    drops: 'the bound on the traffic of a growing playlist',
    file: `${BUCKET}/track-upload.ts`,
    text: 'if (this.#listedAt === undefined) return 0;',
    replacement: 'return 0;',
    test: RECORDINGS,
    title: 'sent less often the longer it is',
  },
  {
    drops: 'the bound on live media that waits for the bucket',
    file: `${BUCKET}/live-upload.ts`,
    text: 'while (this.bytes > MAX_PENDING_BYTES) {',
    replacement: 'while (this.bytes > 2 ** 40) {',
    test: LIVE,
    title: 'keeps at most 64 MiB in memory',
  },
  {
    drops: 'that another gateway may have taken over a stream',
    file: `${BUCKET}/guarded-object.ts`,
    text: 'return this.#etag === undefined ? { absent: true } : { etag: this.#etag };',
    replacement: 'return undefined;',
    test: LIVE,
    title: 'is left to another gateway that has taken it over',
  },
];
