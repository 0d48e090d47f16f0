// Removes recordings from the bucket that were removed here: playlists first, so that no playlist in the bucket lists removed media.

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../protocols/system-error.js';
import { REMOVED_UPLOADS } from '../recording-directory.js';
import { isRecordingId } from '../recording-id.js';
import type { BucketLine } from './bucket-line.js';
import { type BucketPlace, keyOf, nameOf } from './bucket-place.js';
import { RECORDINGS } from './recording-upload.js';
import { removeBelow } from './remove-below.js';
import type { S3Bucket } from './s3-bucket.js';
import { readUploadMark } from './upload-mark.js';

export interface RemovedUploadsOptions {
  /** `recordDir`. */
  readonly root: string;
  readonly place: BucketPlace;
  readonly bucket: S3Bucket;
  readonly line: BucketLine;
  /** Resolves when no upload of the recording is in progress any more. */
  readonly whenIdle: (id: string) => Promise<void>;
}

/** @throws the system error of `recordDir`; {NoLongerWanted} */
export async function removeUploads(options: RemovedUploadsOptions): Promise<void> {
  const directory = join(options.root, REMOVED_UPLOADS);
  for (const name of await namesIn(directory)) {
    const id = name.replace(/\.json$/, '');
    if (!isRecordingId(id)) continue;
    const mark = await readUploadMark(join(directory, name));
    // The recording is in another bucket, so the mark is kept until that bucket is configured again.
    if (mark !== undefined && mark.place !== nameOf(options.place)) continue;
    await options.whenIdle(id);
    await removeBelow(keyOf(options.place, `${RECORDINGS}/${id}/`), options.bucket, options.line);
    await rm(join(directory, name), { force: true });
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
