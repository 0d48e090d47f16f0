// Incidents in media directories: clean-up jobs, typing errors, moves, mounts. Each uses real files, and returns how to end it.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { link, mkdir, readdir, rename, rm, rmdir, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Place {
  /** The directory of the stream or, for incidents that concern the whole media directory, that one. */
  readonly directory: string;
  /** A directory of somebody else. */
  readonly outside: string;
}

export interface Incident {
  readonly name: string;
  /** Whether listed segments that had left memory are lost for good: they must not be listed afterwards. */
  readonly losesOld?: true;
  /** The incident lasts until the second segment afterwards, and the returned function ends it. */
  readonly happen: (place: Place) => Promise<(() => Promise<unknown>) | undefined>;
}

async function files(directory: string, pattern: RegExp): Promise<string[]> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  return names
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function segments(directory: string): Promise<string[]> {
  const number = (path: string) => Number(/seg-(\d+)/.exec(path)?.[1]);
  return (await files(directory, /^seg-\d+\.m4s$/)).sort((a, b) => number(a) - number(b));
}

async function remove(paths: readonly string[]): Promise<undefined> {
  for (const path of paths) await rm(path, { force: true });
  return undefined;
}

/** The writer may create it again in between. */
async function untilDone(act: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await act();
      return;
    } catch (error) {
      if (attempt === 200) throw error;
    }
  }
}

function gone(directory: string): Promise<void> {
  return untilDone(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }));
}

async function replacedByFile(directory: string): Promise<() => Promise<unknown>> {
  await untilDone(async () => {
    await gone(directory);
    await writeFile(directory, '', { flag: 'wx' });
  });
  return () => rm(directory);
}

async function aside(directory: string): Promise<string> {
  const to = `${directory}.${randomBytes(3).toString('hex')}`;
  await rename(directory, to);
  return to;
}

async function mounted(directory: string, options: string): Promise<() => Promise<unknown>> {
  await run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory]);
  return () => run('umount', ['--lazy', directory]);
}

async function swappedForLink(directory: string, target: string): Promise<() => Promise<unknown>> {
  const old = await aside(directory);
  await symlink(target, directory);
  return async () => {
    await rm(directory);
    await untilDone(async () => {
      await rename(old, directory);
    });
  };
}

/**
 * Puts something in the place of a segment that is not made yet. On a slow machine the gateway may make that segment first: then in the
 * place of a later one.
 * @param ahead how many segments after the newest
 * @returns its path
 */
async function putAhead(directory: string, ahead: number, put: (path: string) => Promise<unknown>): Promise<string> {
  const newest = (await segments(directory)).at(-1) ?? '';
  const path = join(directory, `seg-${Number(/seg-(\d+)/.exec(newest)?.[1]) + ahead}.m4s`);
  try {
    await put(path);
    return path;
  } catch (error) {
    if (!['EEXIST', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return putAhead(directory, ahead, put);
  }
}

/** Incidents that concern the files of one stream. */
export const streamIncidents: readonly Incident[] = [
  { name: 'the stream is deleted', losesOld: true, happen: async ({ directory }) => void (await gone(directory)) },
  {
    name: 'a rendition is deleted',
    losesOld: true,
    happen: async ({ directory }) => void (await gone(join(directory, 'source'))),
  },
  {
    name: 'find -type f -delete',
    losesOld: true,
    happen: async ({ directory }) => remove(await files(directory, /./)),
  },
  {
    name: 'a cleaner of old files takes the init segments',
    happen: async ({ directory }) => remove(await files(directory, /^init-/)),
  },
  {
    name: 'a cleaner of old files takes the first segments',
    losesOld: true,
    happen: async ({ directory }) => {
      for (const rendition of ['source', 'audio'])
        await remove((await segments(join(directory, rendition))).slice(0, 5));
      return undefined;
    },
  },
  {
    name: 'one segment of one rendition is deleted',
    losesOld: true,
    happen: async ({ directory }) => remove((await segments(join(directory, 'source'))).slice(4, 5)),
  },
  {
    name: 'the newest segments are deleted',
    happen: async ({ directory }) => remove((await segments(join(directory, 'source'))).slice(-2)),
  },
  { name: 'all playlists are deleted', happen: async ({ directory }) => remove(await files(directory, /\.m3u8$/)) },
  { name: 'the mark is deleted', happen: async ({ directory }) => remove(await files(directory, /^\.sluice/)) },
  {
    name: 'an init segment is cut to nothing',
    happen: async ({ directory }) => {
      for (const path of await files(directory, /^init-/)) await truncate(path, 0);
      return undefined;
    },
  },
  {
    name: 'the multivariant playlist is overwritten',
    happen: async ({ directory }) => void (await writeFile(join(directory, 'index.m3u8'), '#EXTM3U\n')),
  },
  {
    name: 'the stream is a file, and then not',
    losesOld: true,
    happen: ({ directory }) => replacedByFile(directory),
  },
  {
    name: 'a rendition is a file, and then not',
    losesOld: true,
    happen: ({ directory }) => replacedByFile(join(directory, 'audio')),
  },
  {
    name: 'a playlist is a directory, and then not',
    happen: async ({ directory }) => {
      const playlist = join(directory, 'source', 'index.m3u8');
      await untilDone(async () => {
        await rm(playlist, { force: true });
        await mkdir(playlist);
      });
      return () => rmdir(playlist);
    },
  },
  {
    name: 'directories have the names of the next segments',
    happen: async ({ directory }) => {
      const occupy = (path: string) => mkdir(join(path, 'full'), { recursive: true });
      const source = join(directory, 'source');
      const names = [await putAhead(source, 2, occupy), await putAhead(source, 3, occupy)];
      return async () => {
        for (const name of names) await rm(name, { recursive: true, force: true });
      };
    },
  },
  {
    name: 'a link and a hard link to files of somebody have the names of the next segments',
    happen: async ({ directory, outside }) => {
      const [source, thesis] = [join(directory, 'source'), join(outside, 'thesis')];
      const first = await putAhead(source, 2, (path) => symlink(thesis, path));
      await putAhead(source, 3, (path) => link(thesis, path));
      return () => rm(first, { force: true });
    },
  },
  {
    name: 'an empty directory is in the place of the stream',
    losesOld: true,
    happen: async ({ directory }) => {
      const moved = await aside(directory);
      await mkdir(directory).catch(() => undefined);
      await gone(moved);
      return undefined;
    },
  },
  {
    name: 'a rendition is moved away, and back',
    losesOld: true,
    happen: async ({ directory }) => {
      const moved = await aside(join(directory, 'source'));
      return async () => {
        await untilDone(async () => {
          await gone(join(directory, 'source'));
          await rename(moved, join(directory, 'source'));
        });
      };
    },
  },
  {
    name: 'the stream is a link to a directory of somebody, and then not',
    losesOld: true,
    happen: ({ directory, outside }) => swappedForLink(directory, outside),
  },
  {
    name: 'a rendition is a link to a directory of somebody, and then not',
    losesOld: true,
    happen: ({ directory, outside }) => swappedForLink(join(directory, 'source'), outside),
  },
  {
    name: 'a rendition is a link to itself, and then not',
    losesOld: true,
    happen: ({ directory }) => swappedForLink(join(directory, 'source'), 'source'),
  },
  {
    name: 'the times of all files are of last year',
    happen: async ({ directory }) => {
      for (const path of await files(directory, /./)) await utimes(path, 1e9, 1e9).catch(() => undefined);
      return undefined;
    },
  },
];

/** Incidents that need the right to mount. */
export const mountIncidents: readonly Incident[] = [
  {
    name: 'an empty, read-only disk is mounted over a rendition',
    losesOld: true,
    happen: ({ directory }) => mounted(join(directory, 'source'), 'ro'),
  },
  {
    name: 'a disk of 16 kB is mounted over the stream',
    losesOld: true,
    happen: ({ directory }) => mounted(directory, 'size=16k'),
  },
];

/** Incidents that concern all streams at once: `directory` is the media directory. */
export const directoryIncidents: readonly Incident[] = [
  {
    name: 'the media directory is deleted',
    losesOld: true,
    happen: async ({ directory }) => void (await gone(directory)),
  },
  {
    name: 'find -type f -delete in the media directory',
    losesOld: true,
    happen: async ({ directory }) => remove(await files(directory, /./)),
  },
  {
    name: 'the media directory is a file, and then not',
    losesOld: true,
    happen: ({ directory }) => replacedByFile(directory),
  },
  {
    name: 'the media directory is moved, an empty one is in its place',
    losesOld: true,
    happen: async ({ directory }) => {
      const moved = await aside(directory);
      await mkdir(directory).catch(() => undefined);
      await gone(moved);
      return undefined;
    },
  },
  {
    name: 'the media directory is a link to a directory of somebody, and then not',
    losesOld: true,
    happen: ({ directory, outside }) => swappedForLink(directory, outside),
  },
  {
    name: 'the media directory is moved, a link leads to where it is now',
    happen: async ({ directory }) => {
      await symlink(await aside(directory), directory);
      return undefined;
    },
  },
];
