// The generated publish key: readable by its owner only, kept over restarts, and the same for gateways that start at the same time.
import { mkdtempSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspectPublishKey, resolvePublishKey } from '../../src/access/publish-key.js';

const freshDirectory = (): string => mkdtempSync(join(tmpdir(), 'sluice-key-'));

describe('publish key', () => {
  it('C3.09 generates at least 128 bits, in a file that only its owner can read', async () => {
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

  it('gives gateways that start at the same moment the same key', async () => {
    const stateDir = freshDirectory();
    const keys = await Promise.all(Array.from({ length: 20 }, () => resolvePublishKey(undefined, stateDir)));
    expect(new Set(keys.map(({ key }) => key)).size).toBe(1);
    expect(keys.filter(({ origin }) => origin === 'generated')).toHaveLength(1);
    expect(await readdir(stateDir)).toEqual(['publish-key']);
  });

  it('writes nothing if a key is configured, or publishing is open', async () => {
    const stateDir = join(freshDirectory(), '.sluice');
    expect(await resolvePublishKey('secret', stateDir)).toEqual({ key: 'secret', origin: 'configured' });
    expect(await resolvePublishKey('none', stateDir)).toEqual({ key: null, origin: 'open' });
    await expect(stat(stateDir)).rejects.toThrow('ENOENT');
  });

  it('uses a key file that the operator wrote, and corrects its mode if others could read it', async () => {
    const stateDir = freshDirectory();
    const path = join(stateDir, 'publish-key');
    await writeFile(path, '  my-own-key\r\n', { mode: 0o644 });
    await chmod(path, 0o644);
    expect((await resolvePublishKey(undefined, stateDir)).key).toBe('my-own-key');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it.each<[string, (path: string) => Promise<unknown>, RegExp]>([
    [
      'an empty file',
      (path) => writeFile(path, ' \n'),
      /: it is empty; expected one line, the key; write that, or remove/,
    ],
    ['two lines', (path) => writeFile(path, 'one\r\ntwo\n'), /: it has 2 lines; expected one line/],
    [
      'the word none',
      (path) => writeFile(path, 'none\n'),
      /: it says "none", which is no key; .* set the option publishKey/,
    ],
    ['a long key', (path) => writeFile(path, 'x'.repeat(300)), /: the key has 300 characters, expected up to 256/],
    ['a huge file', (path) => writeFile(path, 'x'.repeat(5000)), /: it has 5000 bytes; expected one line/],
    [
      'a key with a space',
      (path) => writeFile(path, 'one two'),
      /: the key has other characters than letters, digits and/,
    ],
    ['a directory', (path) => mkdir(path), /: it is a directory, expected a file; remove it/],
    ['a link', (path) => symlink('/etc/hostname', path), /: it is a symbolic link, which is not followed; put the key/],
  ])('refuses %s and says what is wrong with the file, not what is in it', async (_, prepare, reason) => {
    const stateDir = freshDirectory();
    const path = join(stateDir, 'publish-key');
    await prepare(path);
    const expected = { code: 'access.key-file', message: expect.stringMatching(reason) };
    const failure = await resolvePublishKey(undefined, stateDir).catch((error: unknown) => error);
    expect(failure).toMatchObject(expected);
    expect(String(failure)).toContain(`publish key file ${path}: `);
    expect(String(failure)).not.toMatch(/two\b/);
    await expect(inspectPublishKey(stateDir)).rejects.toMatchObject(expected);
  });

  it.runIf(process.getuid?.() === 0)('says that the file belongs to somebody else', async () => {
    const stateDir = freshDirectory();
    await chmod(stateDir, 0o755);
    for (const [mode, reason] of [
      [0o600, 'the user of this process may not read it; give it to the user that runs the gateway'],
      [0o644, 'others may read it, and it belongs to another user; give it to the user that runs the gateway'],
    ] as const) {
      await writeFile(join(stateDir, 'publish-key'), 'my-own-key\n');
      await chmod(join(stateDir, 'publish-key'), mode);
      process.seteuid?.(65_534);
      const failure = await resolvePublishKey(undefined, stateDir)
        .catch((error: unknown) => error)
        .finally(() => process.seteuid?.(0));
      expect(failure).toMatchObject({ code: 'access.key-file', message: expect.stringContaining(reason) });
    }
  });

  it('can be inspected without creating or changing anything', async () => {
    const stateDir = join(freshDirectory(), '.sluice');
    expect(await inspectPublishKey(stateDir)).toBe(false);
    await expect(stat(stateDir)).rejects.toThrow('ENOENT');
    await mkdir(stateDir);
    const path = join(stateDir, 'publish-key');
    await writeFile(path, 'my-own-key\n');
    await chmod(path, 0o644);
    expect(await inspectPublishKey(stateDir)).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o644);
  });

  it('says which directory cannot be created', async () => {
    const file = join(freshDirectory(), 'file');
    await writeFile(file, '');
    await expect(resolvePublishKey(undefined, join(file, 'x'))).rejects.toMatchObject({
      code: 'access.key-file',
      message: expect.stringContaining('ENOTDIR'),
    });
  });
});
