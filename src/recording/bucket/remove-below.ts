// Removes everything below a prefix: playlists from the top down, then media, so that no playlist lists what is gone.

import { PLAYLIST } from '../recorded-playlist.js';
import type { BucketLine } from './bucket-line.js';
import type { S3Bucket } from './s3-bucket.js';

/**
 * @param prefix of a recording or stream, with a slash at its end
 * @param isWanted asked before each request
 * @throws {NoLongerWanted}
 */
export async function removeBelow(
  prefix: string,
  bucket: S3Bucket,
  line: BucketLine,
  isWanted?: () => boolean,
): Promise<void> {
  await line.persist('remove', (signal) => bucket.remove([`${prefix}${PLAYLIST}`], signal), isWanted);
  for (const isChosen of [(key: string) => key.endsWith('.m3u8'), () => true]) {
    for await (const keys of keysBelow(prefix, bucket, line, isWanted)) {
      const chosen = keys.filter(isChosen);
      if (chosen.length > 0) await line.persist('remove', (signal) => bucket.remove(chosen, signal), isWanted);
    }
  }
}

/** Page by page. @throws {NoLongerWanted} */
export async function* keysBelow(
  prefix: string,
  bucket: S3Bucket,
  line: BucketLine,
  isWanted?: () => boolean,
): AsyncGenerator<readonly string[], void, undefined> {
  let next: string | undefined;
  do {
    const page = await line.persist('list', (signal) => bucket.list(prefix, next, signal), isWanted);
    // A store that ignores the prefix must not cost others their objects.
    yield page.objects.map(({ key }) => key).filter((key) => key.startsWith(prefix));
    next = page.next;
  } while (next !== undefined);
}
