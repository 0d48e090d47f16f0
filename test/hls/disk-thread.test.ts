// The thread that works on the media directory: order, independence, large files, and its death.
import { once } from 'node:events';
import { mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { DiskStore } from '../../src/hls/store/disk-store.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const write = (path: string, text: string, unlisted = true) =>
  ({ kind: 'write', path, bytes: Buffer.from(text), unlisted }) as const;

describe('the disk thread', () => {
  it('C4.03 takes steps in order and stops at the first that fails, so no playlist lists what is not there', async () => {
    const root = await temporaryDirectory();
    const store = new DiskStore(root);
    await mkdir(join(root, 'live/a/source/seg-2.m4s'), { recursive: true });
    const directory = 'live/a/source';
    const [broken, neighbour] = await Promise.all([
      store.take([
        { kind: 'list', path: directory },
        write(`${directory}/seg-1.m4s`, 'one'),
        { kind: 'size', path: `${directory}/seg-1.m4s` },
        write(`${directory}/seg-2.m4s`, 'two'),
        write(`${directory}/index.m3u8`, 'lists both', false),
      ]),
      store.take([write('live/b/source/seg-1.m4s', 'one'), { kind: 'list', path: 'live/b' }]),
    ]);
    expect(broken).toMatchObject({ answers: [[], undefined, 3], failure: { cause: { code: 'EISDIR' } } });
    expect(await readdir(join(root, directory))).toEqual(['seg-1.m4s', 'seg-2.m4s']);
    expect(neighbour).toEqual({ answers: [undefined, ['live/b/source/seg-1.m4s']], failure: undefined });
  });

  it('C3.03 follows no link that takes the place of a directory later', async () => {
    const [root, outside] = [await temporaryDirectory(), await temporaryDirectory()];
    const store = new DiskStore(root);
    await store.write('live/a/source/seg-1.m4s', Buffer.from('one'), true);
    await rename(join(root, 'live/a/source'), join(root, 'live/a/before'));
    await symlink(outside, join(root, 'live/a/source'));
    await writeFile(join(outside, 'seg-1.m4s'), 'of somebody');
    for (const unlisted of [true, false]) {
      await expect(store.write('live/a/source/seg-2.m4s', Buffer.from('two'), unlisted)).rejects.toMatchObject({
        code: 'hls.store',
      });
    }
    await expect(store.remove('live/a/source/seg-1.m4s')).rejects.toMatchObject({ code: 'hls.store' });
    expect(await readdir(outside)).toEqual(['seg-1.m4s']);
  });

  it('writes files that do not fit into the memory it shares, among others, byte for byte', async () => {
    const root = await temporaryDirectory();
    const store = new DiskStore(root);
    const pieces = [1_000_000, 0, 7, 1_048_576, 1_500_000].map((length, i) => Buffer.alloc(length, i + 1));
    const large = Buffer.concat(pieces);
    const { failure } = await store.take([
      write('live/a/first', 'small'),
      { kind: 'write', path: 'live/a/large', bytes: pieces, unlisted: true },
      { kind: 'write', path: 'live/a/replaced', bytes: [large, large], unlisted: false },
      write('live/a/empty', ''),
      write('live/a/last', 'small'),
    ]);
    expect(failure).toBeUndefined();
    expect((await readFile(join(root, 'live/a/large'))).equals(large)).toBe(true);
    expect((await readFile(join(root, 'live/a/replaced'))).equals(Buffer.concat([large, large]))).toBe(true);
    expect(await readdir(join(root, 'live/a'))).toEqual(['empty', 'first', 'large', 'last', 'replaced']);
    expect((await readFile(join(root, 'live/a/empty'))).length).toBe(0);
  });

  it('C4.03 fails what it had with a typed error when it dies, and the next work starts another one', async () => {
    const root = await temporaryDirectory();
    const store = new DiskStore(root);
    const started = once(process, 'worker') as Promise<[Worker]>;
    const before = store.write('live/a/seg-1.m4s', Buffer.from('one'), true);
    const [thread] = await started;
    await before;
    const ended = once(thread, 'exit');
    // Not sent yet when the thread ends, and sent to it while it ends.
    const lost = [store.write('live/a/seg-2.m4s', Buffer.alloc(4_000_000), true)];
    const results = Promise.allSettled(lost);
    await thread.terminate();
    await ended;
    for (const result of await results) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'hls.store' } });
    }
    await store.write('live/a/seg-2.m4s', Buffer.from('two'), true);
    expect(await readFile(join(root, 'live/a/seg-2.m4s'), 'utf8')).toBe('two');
  });

  it('ends when it has nothing to do, and starts again', async () => {
    const root = await temporaryDirectory();
    const store = new DiskStore(root, undefined, 10);
    const started = once(process, 'worker') as Promise<[Worker]>;
    const writing = store.write('live/a/one', Buffer.from('one'));
    const [thread] = await started;
    const ended = once(thread, 'exit');
    await writing;
    expect(await ended).toEqual([0]);
    await store.write('live/a/two', Buffer.from('two'));
    expect(await readdir(join(root, 'live/a'))).toEqual(['one', 'two']);
  });
});
