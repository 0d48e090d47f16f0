// A bucket for as long as one likes: every kind of failure at random over thousands of requests (STEPS), SIGKILL at random moments of sending (KILLS), and
// versitygw, a store that checks signatures (`go install github.com/versity/versitygw/cmd/versitygw@latest`; VERSITYGW is its path).

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseFacts } from '../../../src/recording/recording-facts.js';
import { publishLoop } from '../../faults/looping-publisher.js';
import { buildGateway, type GatewayProcess } from '../../support/gateway-process.js';
import { whenOver } from '../../support/lifetime.js';
import { temporaryDirectory } from '../../support/temp-dir.js';
import { makeFlvSource } from '../../transcode/flv-source.js';
import { AUDIO, FakeStream, SOURCE } from '../fake-stream.js';
import { liveDirectory, openBucketRoom, until, uploaded } from './bucket-room.js';
import { FakeStore, type StoreFault } from './fake-store.js';

const STEPS = Number(process.env['STEPS'] ?? 10_000);
const KILLS = Number(process.env['KILLS'] ?? 50);
const VERSITYGW = process.env['VERSITYGW'] ?? join(homedir(), 'go', 'bin', 'versitygw');

const FAULTS: readonly StoreFault[] = [
  { status: 500, code: 'InternalError' },
  { status: 503, code: 'SlowDown' },
  { status: 403, code: 'RequestTimeTooSkewed' },
  'lost answer',
  'reset',
  'silence',
];

it('lists nothing that is not there over thousands of requests that fail at random, recordings and live', {
  timeout: STEPS * 200,
}, async () => {
  const directory = await temporaryDirectory();
  const store = await FakeStore.start();
  const live = { maxLag: 1e9, windowSegments: 6, resumeWindow: 15_000 };
  const room = await openBucketRoom(store, join(directory, 'recordings'), { deadline: 150, uploads: 'both', live });
  let denied = 0;
  store.fault = async () => {
    if (denied > 0) {
      denied -= 1;
      return { status: 403, code: 'AccessDenied' };
    }
    if (Math.random() < 0.001) denied = 20;
    if (Math.random() < 0.05) await new Promise((resolve) => setTimeout(resolve, 20));
    return Math.random() < 0.25 ? FAULTS[Math.floor(Math.random() * FAULTS.length)] : undefined;
  };
  const ids: string[] = [];
  for (let round = 0; store.requests.length < STEPS; round += 1) {
    const stream = new FakeStream(`cam${round % 3}`, liveDirectory(join(directory, `${round}`)));
    stream.nextNumber = 100 + round * 100;
    room.bucket.follow(stream);
    const { id } = room.recordings.start(stream, { takes: () => true });
    ids.push(id);
    for (let number = stream.nextNumber, last = number + 30; number < last; number += 1) {
      for (const rendition of [SOURCE, AUDIO]) stream.add(rendition, number, { discontinuity: number % 100 === 0 });
      await until(() => expect(store.text(`tv/hls/live/${stream.name}/source/index.m3u8`)).toContain(`-${number}.m4s`));
    }
    stream.end();
    if (round % 4 === 3) {
      await uploaded(room, id);
      await room.recordings.remove(id);
      ids.pop();
    }
    store.checkAll();
    expect(store.violations).toEqual([]);
  }
  for (const id of ids) await uploaded(room, id);
  await until(() => expect(room.bucket.figures()).toMatchObject({ pendingBytes: 0, pendingRecordings: 0 }));
  store.checkAll();
  expect(store.violations).toEqual([]);
  const { requests, failedRequests } = room.bucket.figures();
  process.stdout.write(`${store.requests.length} requests, ${failedRequests} failed, ${requests} carried out\n`);
});

/** Bytes of each file in the bucket are those on disk, and nothing else is there. */
async function expectCopies(store: FakeStore, recordDir: string): Promise<number> {
  const found = (await readdir(recordDir, { recursive: true })).filter((path) => path.endsWith('recording.json'));
  for (const path of found) {
    const directory = join(recordDir, path, '..');
    const { id, state } = parseFacts(await readFile(join(recordDir, path), 'utf8')) ?? {};
    expect(state).not.toBe('recording');
    const keys = store.keys(`tv/vod/${id}/`);
    expect(keys).toContain('index.m3u8');
    for (const key of keys) {
      expect(store.objects.get(`tv/vod/${id}/${key}`)?.body).toEqual(await readFile(join(directory, key)));
      if (!key.endsWith('/index.m3u8')) continue;
      expect(store.text(`tv/vod/${id}/${key}`)).toMatch(/PLAYLIST-TYPE:VOD[\s\S]*#EXT-X-ENDLIST\n$/);
    }
  }
  return found.length;
}

it('is complete after SIGKILL at random moments of sending, and listed nothing that was not there', {
  timeout: KILLS * 60_000,
}, async () => {
  const source = await makeFlvSource({ seconds: 4, gop: 25 });
  const store = await FakeStore.start();
  const flags = ['--s3-endpoint', store.endpoint, '--s3-bucket', 'bucket', '--s3-prefix', 'tv', '--s3-upload', 'both'];
  const stream = ['--ladder', 'source', '--segment-duration', '1', '--part-duration', '0.25', '--record', 'all'];
  const config = join(await temporaryDirectory(), 'sluice.yaml');
  await writeFile(config, 's3AccessKey: key-id\ns3SecretKey: secret-key\n');
  const program = await buildGateway('--config', config, ...flags, ...stream, '--resume-window', '2');
  const recordDir = join(program.mediaDir, '..', 'recordings');
  // Slow enough that a kill finds something that is being sent.
  store.fault = async () => {
    await new Promise((resolve) => setTimeout(resolve, 30));
    return undefined;
  };
  for (let kill = 0; kill < KILLS; kill += 1) {
    const gateway: GatewayProcess = await program.start();
    const before = store.requests.length;
    const publisher = await publishLoop(`${gateway.rtmp}/cam`, source);
    await until(() => expect(store.requests.length).toBeGreaterThan(before + 3));
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 3000));
    await gateway.kill();
    await publisher.stop().catch(() => undefined);
    expect(store.violations).toEqual([]);
  }
  const last = await program.start();
  await until(async () => {
    const page = await (await fetch(`${last.http}/metrics`)).text();
    expect(page).toMatch(/^sluice_bucket_pending_recordings 0$/m);
  });
  await until(() =>
    expect(
      store.keys('tv/hls/').filter((key) => !store.ended.has(`tv/hls/${key}`) && /^\w+\/\w+\/\w+\/index/.test(key)),
    ).toEqual([]),
  );
  const count = await expectCopies(store, recordDir);
  expect(store.violations).toEqual([]);
  process.stdout.write(`${KILLS} kills, ${count} recordings complete, ${store.requests.length} requests\n`);
});

it.skipIf(!existsSync(VERSITYGW))('works with versitygw, which checks signatures', async () => {
  const directory = await temporaryDirectory();
  const objects = join(directory, 'store');
  mkdirSync(join(objects, 'bucket'), { recursive: true });
  const port = await freePort();
  const server = spawn(VERSITYGW, ['--port', `127.0.0.1:${port}`, '--region', 'here-1', '--quiet', 'posix', objects], {
    env: { ROOT_ACCESS_KEY_ID: 'key-id', ROOT_SECRET_ACCESS_KEY: 'secret-key' },
    stdio: 'ignore',
  });
  whenOver(() => server.kill());
  const store = { endpoint: `http://127.0.0.1:${port}` };
  const root = join(directory, 'recordings');
  const live = { maxLag: 1e9, windowSegments: 4, resumeWindow: 15_000 };
  const files = (path = '') =>
    readdirSync(join(objects, 'bucket'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.parentPath.includes(path))
      .map((entry) => join(entry.parentPath, entry.name).slice(join(objects, 'bucket').length + 1));
  const text = (path: string) => readFileSync(join(objects, 'bucket', path), 'utf8');
  const room = await openBucketRoom(store, root, { deadline: 5_000, uploads: 'both', live });
  const stream = new FakeStream('cam', liveDirectory(directory));
  room.bucket.follow(stream);
  const { id } = room.recordings.start(stream, { takes: () => true });
  for (let number = 100; number < 110; number += 1) {
    for (const rendition of [SOURCE, AUDIO]) stream.add(rendition, number);
    await until(() => expect(text('tv/hls/live/cam/source/index.m3u8')).toContain(`seg-${number}.m4s`));
  }
  stream.end();
  await uploaded(room, id);
  expect(files(`vod/${id}`)).toHaveLength(26);
  // The live stream has its end, and is removed.
  await until(() => expect(files('hls/')).toEqual([]));
  await room.recordings.remove(id);
  await until(() => expect(files('vod/')).toEqual([]));
  expect(room.bucket.figures().reason).toBeUndefined();
  await room.close();
  const wrong = { accessKeyId: 'key-id', secretAccessKey: 'wrong' };
  const refused = await openBucketRoom(store, root, { deadline: 5_000, keys: wrong });
  const other = new FakeStream('other', liveDirectory(directory));
  refused.recordings.start(other, { takes: () => true });
  other.add(SOURCE, 100);
  await until(() => expect(refused.bucket.figures().reason).toContain('s3SecretKey does not belong to s3AccessKey'));
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
