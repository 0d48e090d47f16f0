// Starts with a media directory that was mistyped, was created by an earlier version, or is used by another gateway.
import { createHash } from 'node:crypto';
import { chmod, copyFile, link, lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderStreamMark } from '../../src/hls/store/own-files.js';
import { npmFfmpeg } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { runCommand } from './command-under-test.js';

const env = { FFMPEG_PATH: npmFfmpeg() };
const FLAGS = ['--host', '127.0.0.1', '--rtmp-port', '0', '--http-port', '0', '--publish-key', 'none'];

const MULTIVARIANT =
  '#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.64001f"\nsource/index.m3u8\n';
const MEDIA = '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI="init-7.mp4"\n#EXTINF:2,\nseg-7.m4s\n';
const INIT = '\0\0\0\u0018ftypiso6';

/** Paths of files with their content, `>` a symbolic link, `/` at the end a directory. */
async function grow(root: string, tree: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(tree)) {
    const at = join(root, path);
    await mkdir(path.endsWith('/') ? at : dirname(at), { recursive: true });
    if (content.startsWith('>')) await symlink(content.slice(1), at);
    else if (!path.endsWith('/')) await writeFile(at, content);
  }
}

/** Everything about the files of a tree: types, modes, owners, times, links and contents. */
async function picture(directory: string): Promise<string[]> {
  const lines: string[] = [];
  for (const name of (await readdir(directory)).sort()) {
    const at = join(directory, name);
    const entry = await lstat(at);
    const { mode, uid, gid, mtimeMs, nlink, size } = entry;
    let content = '';
    if (entry.isSymbolicLink()) content = await readlink(at);
    else if (entry.isFile())
      content = createHash('sha256')
        .update(await readFile(at))
        .digest('hex');
    lines.push([at, mode, uid, gid, mtimeMs, nlink, size, content].join(' '));
    if (entry.isDirectory()) lines.push(...(await picture(at)));
  }
  return lines;
}

const SOMEBODYS = {
  '.bashrc': 'export EDITOR=vi\n',
  'thesis.tmp': 'two years of work',
  'index.m3u8': MULTIVARIANT,
  'iframes.m3u8': MEDIA,
  'Music/index.m3u8': '#EXTM3U\n#EXTINF:200,\nsong.mp3\n',
  'recordings/2025/show/index.m3u8': MULTIVARIANT,
  'recordings/2025/show/source/index.m3u8': MEDIA,
  'recordings/2025/show/source/seg-7.m4s': 'media',
  'recordings/2025/show/source/seg-8.m4s.1-2.tmp': 'half of it',
  'a/b/c/seg-1.m4s': 'not a segment',
  'a/b/c/init-1.mp4': 'not an init segment',
  'a/b/c/part-1.0.m4s': '',
  'archive/live/show/.sluice-stream': renderStreamMark({ directory: 'live/show', from: 1 }).toString(),
  'archive/live/show/source/seg-7.m4s': 'media',
  'empty/in/empty/': '',
  'to-nowhere': '>/nowhere',
  'to-above': '>..',
  'live/show/source': '>../../recordings/2025/show/source',
};

async function somebodysHome(): Promise<string> {
  const home = join(await temporaryDirectory(), 'home');
  await grow(home, SOMEBODYS);
  await link(join(home, 'thesis.tmp'), join(home, 'a/b/c/seg-2.m4s'));
  await chmod(join(home, 'thesis.tmp'), 0o400);
  await chmod(join(home, 'empty'), 0o500);
  return home;
}

/** Starts a gateway, waits until it is ready, and stops it. */
async function startsIn(mediaDir: string, cwd?: string) {
  const run = await runCommand([...FLAGS, '--media-dir', mediaDir], { env, ...(cwd !== undefined && { cwd }) });
  await run.ready();
  run.signal('SIGTERM');
  expect(await run.status).toBe(0);
  return run;
}

async function refuses(mediaDir: string): Promise<string> {
  const run = await runCommand([...FLAGS, '--media-dir', mediaDir], { env });
  expect(await run.status).toBe(2);
  return run.stderr();
}

describe('the media directory', () => {
  it('is refused if it is a home directory, which stays as it was, byte for byte', async () => {
    const home = await somebodysHome();
    const before = await picture(home);
    expect(await refuses(home)).toMatch(
      /^sluice: cannot start: .*\/home contains files that are not Sluice's \(".+"\), so it is not used: .*--media-dir.*\n$/,
    );
    expect(await picture(home)).toEqual(before);
  });

  it.each(Object.entries(SOMEBODYS).filter(([path]) => !path.endsWith('/') && !path.startsWith('recordings/')))(
    'that holds nothing but %s is refused',
    async (path, content) => {
      const root = await temporaryDirectory();
      await grow(root, { [path]: content });
      const before = await picture(root);
      expect(await refuses(root)).toContain("not Sluice's");
      expect(await picture(root)).toEqual(before);
    },
  );

  it('is accepted from a fresh clone, with a placeholder in it, and stays accepted', async () => {
    const root = await temporaryDirectory();
    await copyFile(new URL('../../media/.gitkeep', import.meta.url), join(root, '.gitkeep'));
    await startsIn(root);
    expect((await readdir(root)).sort()).toEqual(['.gitkeep', '.sluice-media']);
    // From now on files of other programs beside the streams do not prevent a start, and are not removed.
    const theirs = {
      'robots.txt': 'User-agent: *\n',
      'live/show/seg-1.m4s': 'x',
      'archive/live/show/source/seg-7.m4s': 'x',
    };
    await grow(root, theirs);
    const before = await picture(root);
    const run = await startsIn(root);
    expect(await picture(root)).toEqual(before);
    expect(run.records().find(({ directories }) => directories !== undefined)).toMatchObject({
      msg: "directories that look like streams but do not carry this program's mark were left alone",
      first: ['archive/live/show'],
    });
  });

  it('is accepted from an earlier version, without a marker; its streams are left as they are', async () => {
    const root = await temporaryDirectory();
    await grow(root, {
      '.gitkeep': '',
      'live/show/index.m3u8': MULTIVARIANT,
      'live/show/source/index.m3u8': MEDIA,
      'live/show/source/init-7.mp4': INIT,
      'live/show/source/seg-7.m4s': 'media',
      'live/show/source/seg-8.m4s.4711-3.tmp': 'half',
      'live/room/b/audio/': '',
      // A power cut may leave such empty files.
      'live/show/source/iframes.m3u8': '',
      'live/show/source/init-6.mp4': '',
    });
    const before = await picture(join(root, 'live'));
    await startsIn(root);
    expect(await picture(join(root, 'live'))).toEqual(before);
    expect(await readdir(root)).toContain('.sluice-media');
  });

  it('is accepted if the operator puts an empty marker into it', async () => {
    const home = await somebodysHome();
    await writeFile(join(home, '.sluice-media'), '');
    const before = await picture(home);
    await startsIn(home);
    expect(await picture(home)).toEqual(before);
  });

  it('logs the removal of streams with the marker in one line', async () => {
    const root = await temporaryDirectory();
    await startsIn(root);
    await grow(root, {
      'live/show/.sluice-stream': renderStreamMark({ directory: 'live/show', from: 7 }).toString(),
      'live/show/index.m3u8': MULTIVARIANT,
      'live/show/source/init-7.mp4': INIT,
      'live/show/source/seg-7.m4s': 'media',
      'live/show/source/thesis.tmp': 'two years of work',
    });
    // A hard link to a segment, as an archive would keep it, must stay.
    await mkdir(join(root, 'kept'));
    await link(join(root, 'live/show/source/seg-7.m4s'), join(root, 'kept/seven.m4s'));
    const run = await startsIn(root);
    expect(run.records().filter(({ files }) => files !== undefined)).toMatchObject([
      {
        level: 30,
        msg: 'files of streams that an earlier gateway left in the media directory were removed',
        ...{ mediaDir: root, files: 4, streams: 1, first: ['live/show'] },
      },
    ]);
    expect(await readFile(join(root, 'kept/seven.m4s'), 'utf8')).toBe('media');
    expect(await readdir(root, { recursive: true })).toContain('live/show/source/thesis.tmp');
  });

  it('and the state directory belong to one gateway at a time: a second one, and the demo, say what to do', async () => {
    const first = await runCommand([...FLAGS], { env });
    await first.ready();
    for (const command of [['serve'], ['demo'], ['serve', '--media-dir', 'other'], ['serve', '--state-dir', 'other']]) {
      const second = await runCommand([...command, ...FLAGS], { env, cwd: first.cwd });
      expect(await second.status, command.join(' ')).toBe(2);
      expect(second.stderr()).toMatch(
        /^sluice: cannot start: .*\/(media|\.sluice) is in use by another gateway \(process \d+ on .*\)\. Stop it, or .*--media-dir.*\n$/,
      );
    }
    const beside = ['--media-dir', 'media-2', '--state-dir', '.sluice-2'];
    const second = await runCommand(['demo', '--ladder', 'source', ...FLAGS, ...beside], { env, cwd: first.cwd });
    await second.ready();
    for (const run of [first, second]) run.signal('SIGTERM');
    expect(await Promise.all([first.status, second.status])).toEqual([0, 0]);
    await (await runCommand([...FLAGS], { env, cwd: first.cwd })).ready();
  });
});
