// What is known on disk about the copy of a recording in a bucket. The mark is written before the first object is sent and leaves the directory
// together with the recording (`recording-directory.ts`), so that no crash leaves objects in the bucket that nobody remembers.

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

/** @returns undefined if there is none, or none that can be used: then everything is compared and sent again */
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
