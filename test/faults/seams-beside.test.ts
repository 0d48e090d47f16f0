// The seams that no stream of a running gateway reaches: closing the gateway, streams of an earlier process, and certificates.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createGateway } from '../../src/gateway.js';
import { Origin } from '../../src/hls/origin/origin.js';
import { LeftStream } from '../../src/hls/store/left-stream.js';
import { FailureDomain, type Fault } from '../../src/protocols/failure-domain.js';
import { TlsCertificate } from '../../src/tls/certificate.js';
import { settle } from '../hls/origin-under-test.js';
import { selfSignedCertificate, type TestCertificate } from '../support/certificate.js';
import { startGateway } from '../support/gateway.js';
import { eventually, whenListed } from '../support/hls-client.js';
import { ManualClock } from '../support/manual-clock.js';
import { MemoryStore } from '../support/memory-store.js';
import { PlaylistFollower } from '../support/playlist-follower.js';
import { ffmpegChildren, npmFfmpeg } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { type FlvSource, makeFlvSource } from '../transcode/flv-source.js';
import { publishLoop } from './looping-publisher.js';
import { Injections } from './seams/injections.js';

let source: FlvSource;
beforeAll(async () => {
  source = await makeFlvSource({ seconds: 4, gop: 25 });
});

describe('the end of a gateway', () => {
  it.each([
    ...['rtmp servers', 'thumbnails', 'streams', 'web servers', 'certificate', 'access', 'directories'],
    'rtmp shutdown',
    'relay',
  ])('goes on to its end when "%s" fails: publishers are told, playlists end, ports are closed', async (seam) => {
    const injections = new Injections();
    const directory = await temporaryDirectory();
    const mediaDir = join(directory, 'media');
    const gateway = await createGateway(
      {
        ...{ host: '127.0.0.1', rtmpPort: 0, httpPort: 0, mediaDir, stateDir: join(directory, 'state') },
        ...{ publishKey: 'none', ladder: ['source'], segmentDuration: 1, resumeWindow: 0, ffmpegPath: npmFfmpeg() },
      },
      { logger: pino({ level: 'silent' }) },
    );
    const { rtmp, http } = await gateway.start();
    onTestFinished(() => gateway.close().catch(() => undefined));
    const publisher = await publishLoop(`${rtmp}/cam`, source, { burst: 1.5 });
    const playlist = `${http}/hls/live/cam/source/index.m3u8`;
    await eventually(async () => ((await fetch(playlist)).ok ? true : undefined));
    const domain = (name: string): boolean => name === 'gateway' || name.startsWith('rtmp');
    const hit = injections.arm({ seam, domain, fault: 'rejection', late: true });
    const closed = gateway.close().then(
      () => 'in order',
      (error: unknown) => String(error),
    );
    await hit;
    expect(await closed).toBe(seam === 'rtmp shutdown' ? 'in order' : `TypeError: injected at ${seam}`);
    await eventually(async () => (publisher.connected ? undefined : true));
    const stored = await readFile(join(mediaDir, 'live/cam/source/index.m3u8'), 'utf8');
    expect(stored).toContain('#EXT-X-ENDLIST');
    await expect(fetch(playlist)).rejects.toThrow();
  });
});

describe('a stream that an earlier process left', () => {
  it.each(['end of a left stream', 'unlisting of a left stream', 'removal of a left stream'])(
    'costs itself alone when "%s" fails',
    async (seam) => {
      const injections = new Injections();
      const faults: Fault[] = [];
      const clock = new ManualClock();
      const store = new MemoryStore();
      const origin = new Origin({ clock });
      for (const name of ['broken', 'neighbour']) {
        const [main, media] = [`live/${name}/index.m3u8`, `live/${name}/source/index.m3u8`];
        const playlists = new Map([
          [main, '#EXTM3U\n'],
          [media, '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.m4s\n'],
        ]);
        for (const [path, text] of playlists) await store.write(path, Buffer.from(text));
        const domain = new FailureDomain(name, (fault) => faults.push(fault));
        const onFailure = (error: Error): void => expect.unreachable(error.message);
        const files = [...playlists.keys()];
        const left = new LeftStream({ directory: `live/${name}`, files, playlists, store, domain, onFailure });
        origin.awaitPublisher(left, 1_000);
      }
      const hit = injections.arm({ seam, domain: (name) => name === 'broken', fault: 'rejection' });
      clock.advance(1_000);
      await settle();
      const ended = await origin.mediaPlaylist('live', 'neighbour', 'source');
      expect(ended.status === 200 && ended.body?.toString()).toContain('#EXT-X-ENDLIST');
      clock.advance(60_000);
      await settle();
      const error = await hit;
      expect(faults).toEqual([{ where: seam, cause: error }]);
      for (const name of ['neighbour', 'broken']) {
        expect((await origin.mediaPlaylist('live', name, 'source')).status).toBe(404);
      }
      expect(await store.size('live/neighbour/source/index.m3u8')).toBeUndefined();
    },
  );
});

it('a certificate that one server rejects is logged, and the others use it', async () => {
  const directory = await temporaryDirectory();
  const files = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
  const write = async ({ cert, key }: TestCertificate): Promise<void> => {
    await writeFile(files.cert, cert);
    await writeFile(files.key, key);
  };
  await write(selfSignedCertificate());
  const told: string[] = [];
  const logger = { info: () => undefined, error: (_fields: object, message: string) => void told.push(message) };
  const certificate = await TlsCertificate.load({ ...files, interval: 20, logger });
  onTestFinished(() => certificate.close());
  const taken: Buffer[] = [];
  certificate.onChange(() => {
    throw new TypeError('this server is broken');
  });
  certificate.onChange(({ cert }) => taken.push(cert));
  const next = selfSignedCertificate();
  await write(next);
  await eventually(async () => (taken.length > 0 && told.length > 0 ? true : undefined));
  expect(taken[0]?.toString()).toBe(next.cert);
  expect(told).toEqual(['internal error: a new certificate is not used on every port']);
});

it('a timer that fails costs only its own work: the measured load, one thumbnail; the stream goes on', async () => {
  const injections = new Injections();
  const gateway = await startGateway(...['--ladder', 'source,64p', '--segment-duration', '1', '--max-transcodes', '0']);
  const told = (text: string) =>
    eventually(async () => gateway.logs.find((record) => JSON.stringify(record).includes(text)));
  const arm = (seam: string, name: string): Promise<Error> =>
    injections.arm({ seam: `timer in ${seam}`, domain: (domain) => domain === name, fault: 'throw' });
  const unmeasured = arm('pipeline/capacity.ts', 'load');
  await publishLoop(gateway.publishUrl('cam'), source, { burst: 1.5 });
  const base = `${gateway.http}/hls/live/cam`;
  await whenListed(base, 'source', 1);
  const follower = new PlaylistFollower(base, 'source');
  await unmeasured;
  await told('internal error: the load is not measured');

  const late = arm('transcode/thumbnail-maker.ts', 'thumbnail');
  const picture = async (): Promise<number> => (await fetch(`${base}/thumbnail.jpg`)).status;
  expect(await picture()).toBe(404);
  await late;
  await told('no thumbnail: TypeError: injected');
  // The thumbnail is made from the next key frame.
  await eventually(async () => ((await picture()) === 200 ? true : undefined));
  // The FFmpeg of the stream.
  expect(await ffmpegChildren()).toHaveLength(1);
  await follower.stop();
  expect(follower.refusals).toEqual([]);
  expect(follower.last?.segments.some(({ gap, discontinuity }) => gap || discontinuity)).toBe(false);
  expect(gateway.logs.filter(({ level }) => level === 60)).toEqual([]);
});
