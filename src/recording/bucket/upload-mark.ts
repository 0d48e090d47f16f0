// A file that records that a recording has a copy in a bucket. It is written before the first upload and moved together with a removed recording
// (`recording-directory.ts`), so that a crash never leaves forgotten objects in the bucket.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { systemCode } from '../../protocols/system-error.js';
import { replaceFile } from '../files.js';
import { UPLOAD_MARK } from '../recording-directory.js';

const Mark = Type.Object({
  version: Type.Literal(1),
  /** Endpoint, bucket and prefix. */
  place: Type.String({ maxLength: 4096 }),
  state: Type.Enum(['uploading', 'complete']),
});

export type UploadMark = Static<typeof Mark>;

/** @returns undefined if there is no valid mark; everything is then compared and uploaded again */
export async function readUploadMark(path: string): Promise<UploadMark | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError || systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  return Value.Check(Mark, value) ? value : undefined;
}

export async function writeUploadMark(directory: string, mark: Omit<UploadMark, 'version'>): Promise<void> {
  await replaceFile(join(directory, UPLOAD_MARK), `${JSON.stringify({ version: 1, ...mark })}\n`);
}
