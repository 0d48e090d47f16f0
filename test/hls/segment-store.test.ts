// One suite for all stores: everything on which the write-behind relies.
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DiskStore } from '../../src/hls/store/disk-store.js';
import type { SegmentStore } from '../../src/hls/store/segment-store.js';
import { MemoryStore } from '../support/memory-store.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const bytes = (text: string): Buffer => Buffer.from(text);

const stores: { name: string; make: () => Promise<SegmentStore> }[] = [
  { name: 'MemoryStore', make: async () => new MemoryStore() },
  { name: 'DiskStore', make: async () => new DiskStore(await temporaryDirectory()) },
  {
    name: 'DiskStore in a directory not made yet',
    make: async () => new DiskStore(join(await temporaryDirectory(), 'a/b')),
  },
];

describe.each(stores)('$name', ({ make }) => {
  it('returns the written bytes, and undefined for unknown files', async () => {
    const store = await make();
    await store.write('live/a/source/seg-1.m4s', bytes('one'));
    expect(await store.read('live/a/source/seg-1.m4s')).toEqual(bytes('one'));
    expect(await store.read('live/a/source/seg-2.m4s')).toBeUndefined();
    expect(await store.read('live/none/source/seg-2.m4s')).toBeUndefined();
  });

  it('reads a piece of a file, and returns its size', async () => {
    const store = await make();
    await store.write('live/a/source/seg-1.m4s', bytes('0123456789'));
    expect(await store.size('live/a/source/seg-1.m4s')).toBe(10);
    const into = Buffer.alloc(4, '-');
    expect(await store.readInto('live/a/source/seg-1.m4s', 3, into.subarray(0, 3))).toBe(3);
    expect(into).toEqual(bytes('345-'));
    expect(await store.readInto('live/a/source/seg-1.m4s', 8, into)).toBe(2);
    expect(into).toEqual(bytes('895-'));
    expect(await store.readInto('live/a/source/seg-1.m4s', 12, into)).toBe(0);
    expect(await store.readInto('live/none/source/seg-1.m4s', 0, into)).toBeUndefined();
    expect(await store.size('live/none/source/seg-1.m4s')).toBeUndefined();
  });

  it('B1.06 replaces files atomically: no torn read in 1000', async () => {
    const store = await make();
    const versions = [Buffer.alloc(100_000, 1), Buffer.alloc(60_000, 2)] as const;
    await store.write('live/a/index.m3u8', versions[0]);
    let writing = true;
    const writer = (async () => {
      for (let i = 0; i < 100; i += 1) await store.write('live/a/index.m3u8', versions[i % 2 === 0 ? 1 : 0]);
      writing = false;
    })();
    for (let i = 0; i < 1000 && writing; i += 1) {
      const read = await store.read('live/a/index.m3u8');
      expect(versions.some((version) => version.equals(read ?? Buffer.alloc(0)))).toBe(true);
    }
    await writer;
  });

  it('lists below a directory, sorted', async () => {
    const store = await make();
    for (const path of ['live/b/x', 'live/a/y/z', 'live/a/x', 'vod/a']) await store.write(path, bytes(path));
    expect(await store.list('live/a')).toEqual(['live/a/x', 'live/a/y/z']);
    expect(await store.list('')).toEqual(['live/a/x', 'live/a/y/z', 'live/b/x', 'vod/a']);
    expect(await store.list('nothing')).toEqual([]);
  });

  it('removes files, and ignores missing ones', async () => {
    const store = await make();
    await store.write('live/a/x', bytes('x'));
    await store.remove('live/a/x');
    await store.remove('live/a/x');
    await store.remove('no/such/directory');
    expect(await store.list('')).toEqual([]);
  });

  it('removes a directory only if it is empty', async () => {
    const store = await make();
    await store.write('live/a/x', bytes('x'));
    await store.removeDirectory('live/a');
    expect(await store.read('live/a/x')).toEqual(bytes('x'));
    await store.remove('live/a/x');
    await store.removeDirectory('live/a');
    await store.removeDirectory('live/a');
    await store.write('live/a/x', bytes('again'));
    expect(await store.read('live/a/x')).toEqual(bytes('again'));
  });
});

describe('DiskStore', () => {
  it('leaves no temporary file behind', async () => {
    const root = await temporaryDirectory();
    const store = new DiskStore(root);
    await store.write('live/a/x', bytes('x'));
    await expect(store.write('live/a', bytes('a directory is there'))).rejects.toThrow();
    expect(await readdir(root)).toEqual(['live']);
    expect(await readdir(join(root, 'live'))).toEqual(['a']);
    expect(await readdir(join(root, 'live/a'))).toEqual(['x']);
  });

  it('C3.03 refuses paths that are not made of plain names, and follows no symbolic link', async () => {
    const root = await temporaryDirectory();
    const outside = await temporaryDirectory();
    const store = new DiskStore(root);
    for (const path of ['../x', 'live/../../x', '/etc/passwd', 'a//b', 'a/./b', 'a\\b/c', 'a\0b', '']) {
      await expect(store.write(path, bytes('x')), path).rejects.toMatchObject({ code: 'hls.store' });
      await expect(store.read(path), path).rejects.toMatchObject({ code: 'hls.store' });
    }
    await symlink(outside, join(root, 'live'));
    await expect(store.write('live/a/x', bytes('x'))).rejects.toMatchObject({ code: 'hls.store' });
    await writeFile(join(outside, 'secret'), 'secret');
    expect(await store.list('')).toEqual([]);
    await mkdir(join(root, 'real'));
    await symlink(join(outside, 'secret'), join(root, 'real/link'));
    expect(await store.read('real/link')).toBeUndefined();
  });

  it('C3.03 writes a file that nobody reads yet under its own name, over a broken earlier attempt, and through no link', async () => {
    const root = await temporaryDirectory();
    const store = new DiskStore(root);
    await store.write('live/a/seg-1.m4s', bytes('a broken attempt that was longer'), true);
    await store.write('live/a/seg-1.m4s', [bytes('w'), bytes(''), bytes('hole')], true);
    expect(await store.read('live/a/seg-1.m4s')).toEqual(bytes('whole'));
    const outside = join(await temporaryDirectory(), 'secret');
    await writeFile(outside, 'secret');
    await symlink(outside, join(root, 'live/a/seg-2.m4s'));
    await expect(store.write('live/a/seg-2.m4s', bytes('x'), true)).rejects.toMatchObject({ code: 'ELOOP' });
    expect(await readFile(outside, 'utf8')).toBe('secret');
    expect(await readdir(join(root, 'live/a'))).toEqual(['seg-1.m4s', 'seg-2.m4s']);
  });

  it.runIf(process.platform === 'linux')(
    'leaves nothing of a file that did not fit, and no open descriptor',
    async () => {
      const root = await temporaryDirectory();
      const store = new DiskStore(root);
      await store.write('live/a/x', bytes('x'));
      const descriptors = (await readdir('/proc/self/fd')).length;
      await mkdir(join(root, 'live/a/seg-1.m4s'));
      await expect(store.write('live/a/seg-1.m4s', bytes('x'), true)).rejects.toMatchObject({ code: 'EISDIR' });
      await expect(store.write('live/a/seg-1.m4s', bytes('x'))).rejects.toThrow();
      expect(await readdir(join(root, 'live/a'))).toEqual(['seg-1.m4s', 'x']);
      expect((await readdir('/proc/self/fd')).length).toBe(descriptors);
    },
  );

  it('creates the directory again if it was removed', async () => {
    const root = await temporaryDirectory();
    const store = new DiskStore(root);
    await store.write('live/a/x', bytes('x'));
    const { rm } = await import('node:fs/promises');
    await rm(join(root, 'live'), { recursive: true });
    // The writer must learn that the earlier files are gone.
    await expect(store.write('live/a/y', bytes('y'))).rejects.toMatchObject({ code: 'ENOENT' });
    await store.write('live/a/y', bytes('y'));
    expect(await store.list('')).toEqual(['live/a/y']);
  });
});
