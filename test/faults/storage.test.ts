// The storage table: an incident in a directory harms only the copy there. Viewers of the live stream never notice, the copy becomes
// complete again by itself, the log reports that only when it is true, and no lost segment stays listed.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { type LogRecord, startGateway, type TestGateway } from '../support/gateway.js';
import { eventually, fetchText, parseMediaPlaylist, whenListed } from '../support/hls-client.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { type FlvSource, makeFlvSource } from '../transcode/flv-source.js';
import { type LoopingPublisher, publishLoop } from './looping-publisher.js';
import { directoryIncidents, type Incident, mountIncidents, streamIncidents } from './storage-incidents.js';

const RENDITIONS = ['source', 'audio'];
const CAUGHT_UP = 'the disk copy has caught up';

/**
 * The faults in the copy of a stream, read synchronously at the moment when the log record about it is written; empty if it is complete.
 */
function faultsOfCopy(directory: string): string[] {
  try {
    const multivariant = readFileSync(join(directory, 'index.m3u8'), 'utf8');
    const faults = RENDITIONS.filter((name) => !multivariant.includes(`${name}/index.m3u8`)).map(
      (name) => `no ${name}`,
    );
    const names = readdirSync(directory);
    if (!names.includes('.sluice-stream')) faults.push('no mark');
    for (const rendition of RENDITIONS) {
      const { segments } = parseMediaPlaylist(readFileSync(join(directory, rendition, 'index.m3u8'), 'utf8'));
      if (segments.length === 0) faults.push(`${rendition} lists nothing`);
      for (const file of new Set(segments.flatMap(({ uri, map = '' }) => [uri, map]))) {
        const stats = statSync(join(directory, rendition, file), { throwIfNoEntry: false });
        if (stats?.isFile() !== true || stats.size === 0) faults.push(`${rendition}/${file}`);
      }
    }
    return faults;
  } catch (error) {
    return [String(error)];
  }
}

function newestOnDisk(directory: string): number {
  const newest = RENDITIONS.map((rendition) => {
    const { segments } = parseMediaPlaylist(readFileSync(join(directory, rendition, 'index.m3u8'), 'utf8'));
    return segments.at(-1)?.sequence ?? 0;
  });
  return Math.min(...newest);
}

/** Loads each segment of all renditions when it is listed, as a player at the live edge does. */
class LiveViewer {
  readonly problems: string[] = [];
  segments = 0;
  newest = 0;
  readonly #base: string;
  readonly #stopped = new AbortController();
  readonly #done: Promise<unknown>;

  constructor(base: string) {
    this.#base = base;
    this.#done = Promise.all(RENDITIONS.map((rendition) => this.#watch(rendition)));
    onTestFinished(() => this.stop());
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#done;
  }

  async #watch(rendition: string): Promise<void> {
    let last: number | undefined;
    while (!this.#stopped.signal.aborted) {
      const playlist = await this.#load(`${rendition}/index.m3u8`);
      const { segments } = parseMediaPlaylist(playlist?.toString() ?? '');
      const newest = segments.at(-1)?.sequence;
      if (newest !== undefined && last !== undefined && newest < last) this.problems.push(`${rendition} went back`);
      for (const { uri, map = '', sequence, gap } of segments.filter(
        ({ sequence }) => sequence > (last ?? newest ?? 0) - 1,
      )) {
        if (sequence === last) continue;
        if (last !== undefined && sequence !== last + 1) this.problems.push(`${rendition} lacks ${last + 1}`);
        if (gap) this.problems.push(`${rendition} has a gap`);
        last = sequence;
        await this.#load(`${rendition}/${map}`);
        await this.#load(`${rendition}/${uri}`);
        this.segments += 1;
        this.newest = Math.max(this.newest, sequence);
      }
      await delay(200, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
    }
  }

  async #load(path: string): Promise<Buffer | undefined> {
    try {
      const answer = await fetch(`${this.#base}/${path}`);
      if (answer.status !== 200) this.problems.push(`${answer.status} for ${path}`);
      return Buffer.from(await answer.arrayBuffer());
    } catch (error) {
      this.problems.push(`${String(error)} for ${path}`);
      return undefined;
    }
  }
}

/**
 * Loads everything that the playlists list, as a viewer who rewinds would.
 * @returns names of missing files
 */
async function missingOf(base: string): Promise<string[]> {
  const missing: string[] = [];
  for (const rendition of RENDITIONS) {
    const { segments } = parseMediaPlaylist(await fetchText(`${base}/${rendition}/index.m3u8`));
    for (const { uri } of segments) {
      const answer = await fetch(`${base}/${rendition}/${uri}`);
      await answer.arrayBuffer();
      if (answer.status !== 200) missing.push(`${answer.status} ${rendition}/${uri}`);
    }
  }
  return missing;
}

/** Names and contents of a directory that belongs to somebody else. */
async function contents(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const lines = entries.map(async (entry) =>
    entry.isFile()
      ? `${entry.name}: ${await readFile(join(directory, entry.name), 'utf8')}`
      : `${entry.name} is no file`,
  );
  return (await Promise.all(lines)).sort();
}

interface Row {
  readonly incident: string;
  /** Milliseconds from the end of the incident. */
  readonly wholeAfter: number;
  readonly loaded: number;
  readonly log: string;
}

interface Stage {
  readonly gateway: TestGateway;
  /** Directories in which an incident is going on: any log line about them may be wrong a moment later. */
  readonly struck: Set<string>;
  readonly source: FlvSource;
  readonly outside: string;
}

interface WatchedStream {
  readonly name: string;
  readonly base: string;
  readonly directory: string;
  readonly viewer: LiveViewer;
  readonly publisher: LoopingPublisher;
  stop(): Promise<void>;
}

async function publish({ gateway, source }: Stage, name: string): Promise<WatchedStream> {
  const publisher = await publishLoop(gateway.publishUrl(name), source, { seconds: 2, burst: 8 });
  const base = `${gateway.http}/hls/live/${name}`;
  await whenListed(base, 'audio', 1);
  await whenListed(base, 'source', 1);
  const viewer = new LiveViewer(base);
  const stop = async (): Promise<void> => {
    await viewer.stop();
    await publisher.stop();
  };
  return { name, base, directory: join(gateway.mediaDir, 'live', name), viewer, publisher, stop };
}

/** Segments after this moment. */
async function played({ viewer }: WatchedStream, count: number): Promise<void> {
  const until = viewer.newest + count;
  await eventually(async () => (viewer.newest >= until ? true : undefined));
}

function wordsOf(logs: readonly LogRecord[], { name }: WatchedStream): string[] {
  const about = logs.filter((record) => record.level >= 30 && (record['stream'] === name || record['name'] === name));
  return about.map(({ code, msg }) => (typeof code === 'string' ? code : msg));
}

async function suffer(
  { gateway, outside, struck }: Stage,
  incident: Incident,
  directory: string,
  streams: readonly WatchedStream[],
): Promise<Row> {
  const from = gateway.logs.length;
  const before = streams.map(({ viewer }) => viewer.segments);
  struck.add(directory);
  const end = await incident.happen({ directory, outside });
  struck.delete(directory);
  if (end !== undefined) {
    await Promise.all(streams.map((stream) => played(stream, 2)));
    struck.add(directory);
    await end();
    struck.delete(directory);
  }
  const ended = performance.now();
  const due = streams.map(({ viewer }) => viewer.newest);
  await eventually(async () => {
    const whole = streams.every(
      (stream, i) => faultsOfCopy(stream.directory).length === 0 && newestOnDisk(stream.directory) > (due[i] ?? 0),
    );
    return whole ? true : undefined;
  }).catch((error: unknown) => {
    const states = streams.flatMap((stream) => [
      ...faultsOfCopy(stream.directory),
      ...wordsOf(gateway.logs.slice(from), stream),
    ]);
    states.push(
      ...streams.map(({ publisher }) => (publisher.connected ? 'its publisher is there' : 'its publisher is gone')),
    );
    throw new Error(`${incident.name}: ${states.join(', ')}`, { cause: error });
  });
  const wholeAfter = performance.now() - ended;
  for (const { base } of streams) {
    // A request for a lost segment removes it from the list, so later viewers do not miss it.
    await missingOf(base);
    expect(await missingOf(base), incident.name).toEqual([]);
  }
  expect(
    streams.flatMap(({ viewer }) => viewer.problems),
    incident.name,
  ).toEqual([]);
  const loaded = streams.reduce((sum, { viewer }, i) => sum + viewer.segments - (before[i] ?? 0), 0);
  const words = streams.flatMap((stream) => wordsOf(gateway.logs.slice(from), stream));
  return { incident: incident.name, wholeAfter, loaded, log: [...new Set(words)].join(', ') };
}

async function mayMount(): Promise<boolean> {
  const directory = await temporaryDirectory();
  const run = promisify(execFile);
  return run('mount', ['-t', 'tmpfs', 'tmpfs', directory]).then(
    async () => {
      await run('umount', [directory]);
      return true;
    },
    () => false,
  );
}

it('C4.03 whatever happens to a directory, live viewers are not affected, and the copy becomes complete again', async () => {
  const outside = await temporaryDirectory();
  await writeFile(join(outside, 'thesis'), 'two years of work');
  const somebodys = await contents(outside);
  const flags = ['--ladder', 'source', '--segment-duration', '1', '--window-segments', '6', '--dvr-window', '20'];
  const gateway = await startGateway(...flags, '--max-connections-per-ip', '100', '--max-streams', '100');
  // Never logged too early: checked at the very moment when it is logged.
  const early: string[] = [];
  const struck = new Set<string>();
  const { logs } = gateway;
  const push = logs.push.bind(logs);
  logs.push = (...records) => {
    for (const record of records.filter(({ msg }) => msg === CAUGHT_UP)) {
      const directory = join(gateway.mediaDir, 'live', String(record['stream'] ?? record['name']));
      if ([...struck].some((at) => directory.startsWith(at))) continue;
      const faults = faultsOfCopy(directory);
      if (faults.length > 0) early.push(`${directory}: ${faults.join(', ')}`);
    }
    return push(...records);
  };
  const stage: Stage = { gateway, outside, struck, source: await makeFlvSource({ seconds: 2, gop: 25 }) };
  const incidents = [...streamIncidents, ...((await mayMount()) ? mountIncidents : [])];
  const rows = await Promise.all(
    incidents.map(async (incident, i) => {
      const stream = await publish(stage, `s${i}`);
      // Some segments have left memory.
      await whenListed(stream.base, 'source', 12);
      const row = await suffer(stage, incident, stream.directory, [stream]);
      return { ...row, stream };
    }),
  );
  const last = rows.slice(0, 3).map(({ stream }) => stream);
  await Promise.all(rows.slice(3).map(({ stream }) => stream.stop()));
  for (const incident of directoryIncidents)
    rows.push({ ...(await suffer(stage, incident, gateway.mediaDir, last)), stream: last[0] as WatchedStream });
  const lines = rows.map(({ incident, wholeAfter, loaded, log }) =>
    [incident.padEnd(84), `${(wholeAfter / 1000).toFixed(1)} s`.padStart(7), `${loaded}`.padStart(4), log].join('  '),
  );
  if (process.env['STORAGE_TABLE'] !== undefined)
    process.stdout.write(
      ['incident, copy whole again after, segments that viewers loaded meanwhile, log', ...lines, ''].join('\n'),
    );
  expect(early).toEqual([]);
  expect(await contents(outside)).toEqual(somebodys);
  expect(gateway.errors()).toEqual([]);
});
