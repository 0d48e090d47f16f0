// Kills a gateway with its disk thread again and again while it writes, as a power cut would, and starts it on the same directory.

import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { buildGateway } from '../support/gateway-process.js';
import { eventually } from '../support/hls-client.js';
import { readMediaTree } from '../support/media-tree.js';
import { makeFlvSource } from '../transcode/flv-source.js';
import { publishLoop } from './looping-publisher.js';

const STREAMS = ['a', 'b', 'c'];
const RENDITIONS = ['source', 'audio'];

/** Every second kill happens at a random moment, the others within this many milliseconds after a new file was seen. */
const AFTER_A_FILE = 4;

export interface KillResult {
  readonly kills: number;
  /** Number of segments listed at the moments of the kills. */
  readonly segments: number;
  /** Number of temporary files and unlisted media after the kills, which proves that passes were interrupted. */
  readonly unfinished: number;
}

/** @param random numbers from 0 to 1 @throws when a tree is not valid, or a restart uses a number twice */
export async function killInPasses(kills: number, random: () => number): Promise<KillResult> {
  const flags = ['--ladder', 'source', '--segment-duration', '1', '--window-segments', '6', '--resume-window', '30'];
  const program = await buildGateway(...flags);
  const source = await makeFlvSource({ seconds: 2, gop: 25, size: '640x360', videoOptions: ['-b:v', '3M'] });
  const directories = STREAMS.map((name) => join(program.mediaDir, 'live', name));
  const result = { kills: 0, segments: 0, unfinished: 0 };
  let highest = STREAMS.map(() => -1);
  for (; result.kills < kills; result.kills += 1) {
    const gateway = await program.start();
    onTestFinished(() => gateway.kill());
    const publishers = await Promise.all(STREAMS.map((name) => publishLoop(`${gateway.rtmp}/${name}`, source)));
    // The stream continues, with unused numbers.
    await eventually(async () =>
      directories.every((directory, i) => newestListed(directory) > (highest[i] ?? -1)) ? true : undefined,
    );
    if (result.kills % 2 === 0) await delay(1_000 * random());
    else await nextFile(join(directories[0] ?? '', 'source')).then(() => delay(AFTER_A_FILE * random()));
    await gateway.kill();
    await Promise.all(publishers.map((publisher) => publisher.stop()));
    for (const directory of directories) {
      const tree = readMediaTree(directory);
      expect(tree.faults, `kill ${result.kills} of ${directory}`).toEqual([]);
      result.segments += tree.segments;
      result.unfinished += unlistedFiles(directory);
    }
    highest = directories.map((directory) => Math.max(-1, ...numbersIn(directory)));
  }
  // The multivariant playlist is written last. A stream that was killed before it had one was visible to nobody, and is removed.
  const begun = directories.filter((directory) => existsSync(join(directory, 'index.m3u8')));
  const last = await program.start();
  for (const directory of begun) expect(readMediaTree(directory).faults, 'after the last start').toEqual([]);
  await last.kill();
  return result;
}

async function nextFile(directory: string): Promise<void> {
  const watcher = watch(directory);
  await once(watcher, 'change');
  watcher.close();
}

function numbersIn(directory: string): number[] {
  const names = RENDITIONS.flatMap((rendition) => readdirSync(join(directory, rendition)));
  return names.map((name) => Number(/^seg-(\d+)\.m4s$/.exec(name)?.[1] ?? -1));
}

/** The newest number that the playlists of all renditions list; -1 if there is none. */
function newestListed(directory: string): number {
  const newest = RENDITIONS.map((rendition) => {
    const playlist = join(directory, rendition, 'index.m3u8');
    const names = existsSync(playlist) ? readFileSync(playlist, 'utf8').match(/^seg-\d+/gm) : undefined;
    return Number(names?.at(-1)?.slice('seg-'.length) ?? -1);
  });
  return Math.min(...newest);
}

/** Temporary files, and segments that are newer than all that the playlist lists. */
function unlistedFiles(directory: string): number {
  return RENDITIONS.flatMap((rendition) => {
    const at = join(directory, rendition);
    const listed = existsSync(join(at, 'index.m3u8')) ? readFileSync(join(at, 'index.m3u8'), 'utf8') : '';
    const newest = Number(
      listed
        .match(/^seg-\d+/gm)
        ?.at(-1)
        ?.slice('seg-'.length) ?? -1,
    );
    return readdirSync(at).filter(
      (name) => name.endsWith('.tmp') || Number(/^seg-(\d+)\.m4s$/.exec(name)?.[1] ?? -1) > newest,
    );
  }).length;
}
