// A disk that is full, read-only or removed affects only the copy on it. Tested with real mounts, a real gateway, and real viewers.
import { execFile } from 'node:child_process';
import { chmod, type FileHandle, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { followStream } from '../support/followed-stream.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { eventually, fetchText, whenLive } from '../support/hls-client.js';
import { readSegment } from '../support/media-checks.js';
import { parsePlaylist } from '../support/playlist-checker.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { makeFlvSource } from '../transcode/flv-source.js';
import { publishLoop } from './looping-publisher.js';

const run = promisify(execFile);

/** A small separate disk; undefined if this process has no right to mount one. */
async function smallDisk(megabytes: number): Promise<string | undefined> {
  const directory = await temporaryDirectory();
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', directory]).then(
    () => true,
    () => false,
  );
  if (!mounted) return undefined;
  // Files in use keep it busy for a moment.
  onTestFinished(() => run('umount', ['--lazy', directory]).then(() => undefined));
  return directory;
}

async function fillBy(file: FileHandle, size: number): Promise<never> {
  for (;;) await file.write(Buffer.alloc(size));
}

/** Fills the remaining space. */
async function fill(directory: string): Promise<string> {
  const path = join(directory, 'filler');
  const file = await open(path, 'w');
  // Down to single bytes; otherwise a playlist would still fit.
  for (let size = 65_536; size >= 1; size = Math.floor(size / 16)) {
    await expect(fillBy(file, size)).rejects.toMatchObject({ code: 'ENOSPC' });
  }
  await file.close();
  return path;
}

/**
 * Checks that every listed file exists and is media, as a web server would find it.
 * @returns the newest number of each rendition
 */
async function readTree(directory: string): Promise<number[]> {
  const newest: number[] = [];
  for (const rendition of ['source', 'audio']) {
    const at = join(directory, rendition);
    const { segments } = parsePlaylist(await readFile(join(at, 'index.m3u8'), 'utf8'));
    for (const { uri, map = '' } of segments) {
      readSegment(await readFile(join(at, map)), await readFile(join(at, uri)));
    }
    newest.push(segments.at(-1)?.mediaSequence ?? 0);
  }
  return newest;
}

/** A fault of the disk, and how it ends. */
interface Fault {
  readonly name: string;
  /** Whether the files on disk stay during the fault. */
  readonly keepsTree: boolean;
  readonly begin: (mediaDir: string) => Promise<() => Promise<unknown>>;
}

const onMount: readonly Fault[] = [
  {
    name: 'full',
    keepsTree: true,
    begin: async (mediaDir) => {
      const filler = await fill(mediaDir);
      return () => rm(filler);
    },
  },
  {
    name: 'read-only',
    keepsTree: true,
    begin: async (mediaDir) => {
      // Refused while a file is being written.
      await eventually(() => run('mount', ['-o', 'remount,ro', mediaDir]).catch(() => undefined));
      return () => run('mount', ['-o', 'remount,rw', mediaDir]);
    },
  },
];

/** Used without the right to mount: the directory becomes inaccessible by its permissions. */
const shut: Fault = {
  name: 'not writable',
  keepsTree: true,
  begin: async (mediaDir) => {
    const stream = join(mediaDir, 'live', 'main');
    const directories = [join(stream, 'source'), join(stream, 'audio'), stream];
    for (const directory of directories) await chmod(directory, 0o555);
    return async () => {
      for (const directory of directories) await chmod(directory, 0o755);
    };
  },
};

const replaced: Fault = {
  name: 'replaced by a file',
  keepsTree: false,
  begin: async (mediaDir) => {
    const live = join(mediaDir, 'live');
    await eventually(async () => {
      // A write in between creates it again.
      await rm(live, { recursive: true, force: true, maxRetries: 3 });
      return writeFile(live, '', { flag: 'wx' }).then(
        () => true,
        () => undefined,
      );
    });
    return () => rm(live);
  },
};

async function disk({ http }: TestGateway): Promise<{ failing: boolean; failures: number }> {
  const { disk } = (await (await fetch(`${http}/api/v1/streams/live/main`)).json()) as {
    disk: { failing: boolean; failures: number };
  };
  return disk;
}

async function newestLive({ http }: TestGateway): Promise<number> {
  const { segments } = parsePlaylist(await fetchText(`${http}/hls/live/main/source/index.m3u8`));
  expect(segments.some(({ gap, discontinuity }) => gap || discontinuity)).toBe(false);
  return segments.at(-1)?.mediaSequence ?? 0;
}

function caughtUp({ logs }: TestGateway) {
  return logs.filter(({ msg }) => msg === 'the disk copy has caught up');
}

it('C4.03 a disk that is full, read-only or gone affects only the copy on it, which stays valid and catches up', async () => {
  const mount = await smallDisk(4);
  if (mount === undefined) expect(process.getuid?.(), 'root may mount').not.toBe(0);
  const mediaDir = mount ?? join(await temporaryDirectory(), 'media');
  const faults = [...(mount === undefined ? [shut] : onMount), replaced];
  const flags = ['--ladder', 'source', '--segment-duration', '1', '--window-segments', '6', '--media-dir', mediaDir];
  const gateway = await startGateway(...flags);
  const tree = join(mediaDir, 'live', 'main');
  const source = await makeFlvSource({ seconds: 4, gop: 25 });
  const publisher = await publishLoop(gateway.publishUrl('main'), source, { burst: 4 });
  followStream(`${gateway.http}/hls/live/main`);
  await whenLive(`${gateway.http}/hls/live/main`);
  await eventually(() => readTree(tree).catch(() => undefined));
  for (const { name, begin, keepsTree } of faults) {
    const end = await begin(mediaDir);
    const { failures } = await eventually(async () => {
      const state = await disk(gateway);
      return state.failing ? state : undefined;
    });
    const before = await newestLive(gateway);
    await eventually(async () => ((await newestLive(gateway)) > before ? true : undefined));
    if (keepsTree) await readTree(tree);
    expect(await fetchText(`${gateway.http}/metrics`)).toMatch(
      /^sluice_stream_disk_failures_total\{app="live",name="main"\} [1-9]/m,
    );
    await end();
    // The copy catches up by itself, up to the newest segment.
    const due = await newestLive(gateway);
    const stored = await eventually(async () => {
      const newest = await readTree(tree).catch(() => []);
      // The renditions are not written at the same instant.
      return newest.length > 0 && newest.every((sequence) => sequence >= due && sequence === newest[0])
        ? newest
        : undefined;
    });
    expect(new Set(stored).size, name).toBe(1);
    // Logged after everything was checked.
    const said = 1 + faults.findIndex((fault) => fault.name === name);
    await eventually(async () => (caughtUp(gateway).length >= said ? true : undefined));
    expect(await disk(gateway), name).toMatchObject({ failing: false });
    expect((await disk(gateway)).failures, name).toBeGreaterThanOrEqual(failures);
  }
  expect(publisher.connected).toBe(true);
  // Each kind of fault is logged once instead of for each attempt, and its end is logged each time.
  const named = gateway.logs.filter(({ code }) => code === 'hls.store');
  expect(named.length).toBeGreaterThan(1);
  expect(named.length).toBeLessThanOrEqual(2 * faults.length);
  expect(caughtUp(gateway)).toHaveLength(faults.length);
  expect(gateway.errors()).toEqual([]);
});
