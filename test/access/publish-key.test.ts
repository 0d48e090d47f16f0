// The generated key is for its owner alone, survives restarts, and is one key however many gateways start at once.
import { mkdtempSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolvePublishKey } from '../../src/access/publish-key.js';

const freshDirectory = (): string => mkdtempSync(join(tmpdir(), 'sluice-key-'));

describe('publish key', () => {
  it('C3.09 generates 128 bits or more, in a file that only its owner can read', async () => {
    const stateDir = join(freshDirectory(), 'a', '.sluice');
    const { key, origin, path } = await resolvePublishKey(undefined, stateDir);
    expect(origin).toBe('generated');
    expect(Buffer.from(key ?? '', 'base64url').length * 8).toBeGreaterThanOrEqual(128);
    expect((await stat(path ?? '')).mode & 0o777).toBe(0o600);
    expect((await stat(stateDir)).mode & 0o777).toBe(0o700);
    expect(await readFile(path ?? '', 'utf8')).toBe(`${key}\n`);
    expect(await readdir(stateDir)).toEqual(['publish-key']);
  });

  it('keeps the key over restarts, and gives different gateways different keys', async () => {
    const stateDir = freshDirectory();
    const first = await resolvePublishKey(undefined, stateDir);
    const second = await resolvePublishKey(undefined, stateDir);
    expect(second).toMatchObject({ key: first.key, origin: 'kept' });
    expect((await resolvePublishKey(undefined, freshDirectory())).key).not.toBe(first.key);
  });

  it('gives gateways that start at the same moment one key', async () => {
    const stateDir = freshDirectory();
    const keys = await Promise.all(Array.from({ length: 20 }, () => resolvePublishKey(undefined, stateDir)));
    expect(new Set(keys.map(({ key }) => key)).size).toBe(1);
    expect(keys.filter(({ origin }) => origin === 'generated')).toHaveLength(1);
    expect(await readdir(stateDir)).toEqual(['publish-key']);
  });

  it('writes nothing when a key, or none, is configured', async () => {
    const stateDir = join(freshDirectory(), '.sluice');
    expect(await resolvePublishKey('secret', stateDir)).toEqual({ key: 'secret', origin: 'configured' });
    expect(await resolvePublishKey('none', stateDir)).toEqual({ key: null, origin: 'open' });
    await expect(stat(stateDir)).rejects.toThrow('ENOENT');
  });

  it('takes a key that the operator wrote, and closes a careless mode', async () => {
    const stateDir = freshDirectory();
    const path = join(stateDir, 'publish-key');
    await writeFile(path, '  my-own-key\r\n', { mode: 0o644 });
    await chmod(path, 0o644);
    expect((await resolvePublishKey(undefined, stateDir)).key).toBe('my-own-key');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['an empty file', (path: string) => writeFile(path, '')],
    ['two lines', (path: string) => writeFile(path, 'one\ntwo\n')],
    ['the word none', (path: string) => writeFile(path, 'none\n')],
    ['a huge file', (path: string) => writeFile(path, 'x'.repeat(5000))],
    ['a directory', (path: string) => mkdir(path)],
    ['a link', (path: string) => symlink('/etc/hostname', path)],
  ])('refuses %s and names the file, not its content', async (_, prepare) => {
    const stateDir = freshDirectory();
    const path = join(stateDir, 'publish-key');
    await prepare(path);
    const failure = await resolvePublishKey(undefined, stateDir).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'access.key-file', message: expect.stringContaining(path) });
    expect(String(failure)).not.toContain('two');
  });

  it('says which directory cannot be made', async () => {
    const file = join(freshDirectory(), 'file');
    await writeFile(file, '');
    await expect(resolvePublishKey(undefined, join(file, 'x'))).rejects.toMatchObject({
      code: 'access.key-file',
      message: expect.stringContaining('ENOTDIR'),
    });
  });
});
