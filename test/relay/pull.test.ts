// Streams that are pulled from another gateway: always or on demand, body by body, and given back when nobody watches.

import { createHash } from 'node:crypto';
import { pino } from 'pino';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createGateway } from '../../src/gateway.js';
import { publishLoop } from '../faults/looping-publisher.js';
import { startServer } from '../servers/rtmp/server-under-test.js';
import { startGateway, TEST_KEY, type TestGateway } from '../support/gateway.js';
import { eventually } from '../support/hls-client.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { type FlvSource, makeFlvSource } from '../transcode/flv-source.js';

let source: FlvSource;
beforeAll(async () => {
  source = await makeFlvSource({ seconds: 2, gop: 10 });
});

const publish = (gateway: TestGateway, name = 'cam') =>
  publishLoop(`${gateway.rtmp}/${name}?key=${TEST_KEY}`, source, { seconds: 2 });

type Source = NonNullable<NonNullable<Parameters<typeof createGateway>[0]>['sources']>[number];

async function pulling(sources: Source[], options: Parameters<typeof createGateway>[0] = {}) {
  const directory = await temporaryDirectory();
  const gateway = await createGateway(
    {
      ...{ host: '127.0.0.1', rtmpPort: 0, httpPort: 0, adminPort: 'none', publishKey: 'none', ladder: ['source'] },
      ...{ mediaDir: `${directory}/media`, stateDir: `${directory}/state`, recordDir: `${directory}/recordings` },
      ...{ sources, resumeWindow: 20, ...options },
    },
    { logger: pino({ level: 'silent' }) },
  );
  onTestFinished(() => gateway.close());
  const { rtmp, http } = await gateway.start();
  const state = () => gateway.sources[0];
  const inState = (wanted: string) => eventually(async () => (state()?.state === wanted ? true : undefined));
  const playlist = () => fetch(`${http.replace(/\/$/, '')}/hls/live/cam/index.m3u8`);
  return { gateway, rtmp: rtmp.replace(/\/$/, ''), state, inState, playlist };
}

describe('a source', () => {
  it('H1.20 H1.24 that is pulled always waits for its publisher, plays as soon as there is one, and comes back', async () => {
    const origin = await startGateway('--ladder', 'source');
    const { inState, playlist, state } = await pulling([{ stream: 'live/cam', url: `${origin.rtmp}/cam` }]);
    await inState('backoff');
    expect(state()?.lastError?.code).toBe('relay.refused');
    const first = await publish(origin);
    await inState('pulling');
    await eventually(async () => ((await playlist()).ok ? true : undefined));
    await first.stop();
    await inState('backoff');
    expect((await playlist()).status).toBe(200);
    await publish(origin);
    await inState('pulling');
    expect((await playlist()).status).toBe(200);
  });

  it('H1.20 H1.21 that is pulled on demand has one connection for all viewers, and none without viewers', async () => {
    const origin = await startGateway('--ladder', 'source');
    await publish(origin);
    const metric = async (name: string) => {
      const page = await (await fetch(`${origin.http}/metrics`)).text();
      return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(page)?.[1]);
    };
    const connections = () => metric('sluice_rtmp_plays_total');
    const { gateway, playlist, state, inState } = await pulling(
      [{ stream: 'live/cam', url: `${origin.rtmp}/cam`, onDemand: true }],
      {
        pullIdle: 1,
      },
    );
    expect(state()?.state).toBe('idle');
    // A push target is no viewer.
    const copy = await startServer();
    await gateway.targets.add({ stream: 'live/cam', url: `rtmp://127.0.0.1:${copy.port}/live/copy` });
    const answers = await Promise.all([playlist(), playlist(), playlist()]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await connections()).toBe(1);
    await inState('idle');
    await eventually(async () => ((await metric('sluice_rtmp_viewers')) === 0 ? true : undefined));
    // The playlists wait for `resumeWindow`, and whoever asks for them wants the stream.
    expect((await playlist()).status).toBe(200);
    await eventually(async () => ((await connections()) === 2 ? true : undefined));
  });

  it('H1.21 that is pulled on demand leaves its playlists to viewers while the other server is away', async () => {
    const origin = await startGateway('--ladder', 'source');
    await publish(origin);
    const sources = [{ stream: 'live/cam', url: `${origin.rtmp}/cam`, onDemand: true }];
    const { playlist, inState } = await pulling(sources, { resumeWindow: 60 });
    await eventually(async () => ((await playlist()).ok ? true : undefined));
    await origin.close();
    await inState('backoff');
    expect((await playlist()).status).toBe(200);
  });

  it('H1.20 an RTMP player waits for a stream that is pulled for it', async () => {
    const origin = await startGateway('--ladder', 'source');
    await publish(origin);
    const near = await pulling([{ stream: 'live/cam', url: `${origin.rtmp}/cam`, onDemand: true }]);
    const { state, inState } = await pulling([{ stream: 'live/cam', url: `${near.rtmp}/cam` }]);
    await inState('pulling');
    expect([state()?.url, near.state()?.state]).toEqual([`${near.rtmp}/•••`, 'pulling']);
  });

  it('H1.22 never takes a name from a publisher', async () => {
    const origin = await startGateway('--ladder', 'source');
    await publish(origin);
    const sources = [{ stream: 'live/cam', url: `${origin.rtmp}/cam`, onDemand: true }];
    const { rtmp, playlist, gateway, state } = await pulling(sources, { publishConflict: 'override' });
    const publisher = await publishLoop(`${rtmp}/cam`, source, { seconds: 2 });
    await eventually(async () => ((await playlist()).ok ? true : undefined));
    expect([publisher.connected, gateway.streams().length]).toEqual([true, 1]);
    expect(state()?.state).not.toBe('pulling');
  });

  it('H1.23 arrives as it was published, body by body, over two gateways', async () => {
    const origin = await startGateway('--ladder', 'source');
    const middle = await pulling([{ stream: 'live/cam', url: `${origin.rtmp}/cam` }]);
    const last = await startServer();
    await middle.gateway.targets.add({ stream: 'live/cam', url: `rtmp://127.0.0.1:${last.port}/live/copy` });
    await publish(origin);
    const copy = await last.target();
    await copy.received(120);
    const frames = copy.messages.filter(({ kind, body }) => kind !== 'script' && body[1] !== 0);
    expect(frames.length).toBeGreaterThan(100);
    for (const kind of ['audio', 'video'] as const) {
      const hashes = (tags: readonly ({ body: Buffer } | undefined)[]) =>
        tags.map((tag) =>
          createHash('sha256')
            .update(tag?.body ?? '')
            .digest('hex'),
        );
      const sent = source.media.filter(({ type }) => type === kind);
      const got = frames.filter((frame) => frame.kind === kind);
      const from = sent.findIndex(({ body }) => got[0]?.body.equals(body));
      expect(hashes(got)).toEqual(hashes(got.map((_, index) => sent[(from + index) % sent.length])));
      const steps = (times: number[]) => times.slice(1).map((time, index) => time - (times[index] ?? 0));
      const whole = got.slice(0, sent.length - from);
      expect(steps(whole.map(({ timestamp }) => timestamp))).toEqual(
        steps(
          sent
            .slice(from)
            .map(({ timestamp }) => timestamp)
            .slice(0, whole.length),
        ),
      );
    }
  });

  it('H1.25 goes to the backup when the first server does not answer', async () => {
    const origin = await startGateway('--ladder', 'source');
    await publish(origin);
    const url = 'rtmp://127.0.0.1:1/live/cam';
    const { inState, state } = await pulling([{ stream: 'live/cam', url, backup: `${origin.rtmp}/cam` }]);
    await inState('pulling');
    expect(state()?.url).toBe(`${origin.rtmp}/•••`);
  });
});
