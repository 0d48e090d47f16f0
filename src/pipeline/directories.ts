// Checks before the first segment whether the gateway can write its directories, and explains in one line if it cannot.

import { randomBytes } from 'node:crypto';
import { mkdir, open, stat, statfs, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SluiceError } from '../protocols/errors.js';
import { systemCode, systemReason } from '../protocols/system-error.js';
import { pipelineError } from './errors.js';

/**
 * Creates the directory if necessary and writes a test file into it.
 * @param mode mode of created directories
 * @throws {SluiceError} `pipeline.directory`
 */
export async function ensureWritable(directory: string, mode = 0o777): Promise<void> {
  await orDirectoryError(directory, 'write to', async () => {
    await makeDirectory(directory, mode);
    await proveWritable(directory);
  });
}

/**
 * Creates the directory if necessary; an existing one may be read-only.
 * @param mode mode of created directories
 * @throws {SluiceError} `pipeline.directory`
 */
export async function ensureDirectory(directory: string, mode = 0o777): Promise<void> {
  await orDirectoryError(directory, 'write to', () => makeDirectory(directory, mode));
}

/**
 * Checks that the file can be read; only playing it shows whether it can be played.
 * @throws {SluiceError} `pipeline.slate`
 */
export async function ensureFile(file: string): Promise<void> {
  try {
    // The type is checked first, because opening a pipe would wait for a writer.
    if (!(await stat(file)).isFile()) throw pipelineError('pipeline.slate', `the slate ${file} is not a file`);
    await (await open(file)).close();
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    throw pipelineError('pipeline.slate', `cannot read the slate ${file} (${systemReason(error)})`, { cause: error });
  }
}

/**
 * Explains system errors about a directory in words.
 * @param act `write to`, `read`
 * @throws {SluiceError} `pipeline.directory`, or the typed error of the work itself
 */
export async function orDirectoryError<T>(directory: string, act: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    throw pipelineError('pipeline.directory', `cannot ${act} ${directory} (${systemReason(error)})`, { cause: error });
  }
}

/**
 * Replaces `mkdir` with `recursive`, which takes ENOENT for a missing parent, creates the parent and tries again. Below /proc the kernel
 * answers ENOENT although the parent exists, so Node would try forever, in a thread that cannot be stopped.
 */
async function makeDirectory(directory: string, mode: number): Promise<void> {
  if (await isDirectory(directory)) return;
  const parent = dirname(directory);
  if (parent !== directory) await makeDirectory(parent, mode);
  try {
    await mkdir(directory, { mode });
  } catch (error) {
    // Another process may have created it at the same moment.
    if (!(await isDirectory(directory))) throw error;
  }
}

export type DirectoryState =
  | { readonly state: 'writable'; readonly freeBytes: number }
  /** It does not exist; the first start creates it in `parent`. */
  | { readonly state: 'absent'; readonly parent: string; readonly freeBytes: number }
  | { readonly state: 'unwritable'; readonly reason: string };

/** Checks a directory without creating it. */
export async function inspectDirectory(directory: string): Promise<DirectoryState> {
  try {
    await proveWritable(directory);
    return { state: 'writable', freeBytes: await freeBytes(directory) };
  } catch (error) {
    const parent = dirname(directory);
    // ENOENT although the parent exists: the kernel allows no new files there, for example below /proc.
    const missing = systemCode(error) === 'ENOENT' && parent !== directory && !(await isDirectory(directory));
    if (!missing) return { state: 'unwritable', reason: systemReason(error) };
    const above = await inspectDirectory(parent);
    switch (above.state) {
      case 'writable':
        return { state: 'absent', parent, freeBytes: above.freeBytes };
      case 'absent':
      case 'unwritable':
        return above;
    }
  }
}

async function proveWritable(directory: string): Promise<void> {
  const probe = join(directory, `.sluice-probe-${randomBytes(6).toString('hex')}`);
  await writeFile(probe, '', { flag: 'wx' });
  await unlink(probe);
}

/**
 * False if nothing exists at this path.
 * @throws the system error if that cannot be determined
 */
async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
