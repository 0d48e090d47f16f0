// Whether the gateway can write where it must, found out before the first segment and said in one line.

import { randomBytes } from 'node:crypto';
import { mkdir, statfs, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cliError } from './errors.js';

/**
 * Makes the directory if need be and writes a file into it.
 * @throws {SluiceError} `cli.directory`
 */
export async function ensureWritable(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
    await proveWritable(directory);
  } catch (error) {
    throw cliError('cli.directory', `cannot write to ${directory} (${reason(error)})`, { cause: error });
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
    if (!isCode(error, 'ENOENT') || parent === directory) return { state: 'unwritable', reason: reason(error) };
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

async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function reason(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
