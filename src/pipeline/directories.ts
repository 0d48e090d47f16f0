// Whether the gateway can write where it must, found out before the first segment and said in one line.

import { randomBytes } from 'node:crypto';
import { mkdir, open, stat, statfs, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SluiceError } from '../protocols/errors.js';
import { systemCode, systemReason } from '../protocols/system-error.js';
import { pipelineError } from './errors.js';

/**
 * Makes the directory if need be and writes a file into it.
 * @param mode of the directories that are made
 * @throws {SluiceError} `pipeline.directory`
 */
export async function ensureWritable(directory: string, mode = 0o777): Promise<void> {
  await orDirectoryError(directory, 'write to', async () => {
    await makeDirectory(directory, mode);
    await proveWritable(directory);
  });
}

/**
 * Makes the directory if need be; what is there already may be read-only.
 * @param mode of the directories that are made
 * @throws {SluiceError} `pipeline.directory`
 */
export async function ensureDirectory(directory: string, mode = 0o777): Promise<void> {
  await orDirectoryError(directory, 'write to', () => makeDirectory(directory, mode));
}

/**
 * That it can be read; whether it can be played is seen when it has to be.
 * @throws {SluiceError} `pipeline.slate`
 */
export async function ensureFile(file: string): Promise<void> {
  try {
    // Of what is no file: opening a pipe would wait for whoever writes to it.
    if (!(await stat(file)).isFile()) throw pipelineError('pipeline.slate', `the slate ${file} is not a file`);
    await (await open(file)).close();
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    throw pipelineError('pipeline.slate', `cannot read the slate ${file} (${systemReason(error)})`, { cause: error });
  }
}

/**
 * What the system says about a directory, in words.
 * @param act `write to`, `read`
 * @throws {SluiceError} `pipeline.directory`, or that of the work itself
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
 * Not `mkdir` with `recursive`: Node takes ENOENT to mean that the parent is missing, makes the parent and tries again. Below
 * /proc the kernel answers ENOENT although the parent is there, so it would try for ever, on a thread that nothing can stop.
 */
async function makeDirectory(directory: string, mode: number): Promise<void> {
  if (await isDirectory(directory)) return;
  const parent = dirname(directory);
  if (parent !== directory) await makeDirectory(parent, mode);
  try {
    await mkdir(directory, { mode });
  } catch (error) {
    // Somebody else may have made it at the same moment.
    if (!(await isDirectory(directory))) throw error;
  }
}

export type DirectoryState =
  | { readonly state: 'writable'; readonly freeBytes: number }
  /** It does not exist; the first start makes it in `parent`. */
  | { readonly state: 'absent'; readonly parent: string; readonly freeBytes: number }
  | { readonly state: 'unwritable'; readonly reason: string };

/** The same question without making the directory: nothing is left behind. */
export async function inspectDirectory(directory: string): Promise<DirectoryState> {
  try {
    await proveWritable(directory);
    return { state: 'writable', freeBytes: await freeBytes(directory) };
  } catch (error) {
    const parent = dirname(directory);
    // ENOENT of a directory that is there: the kernel makes no files in it, as below /proc.
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

/** False when nothing is there. @throws what the system says when that cannot be known */
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
