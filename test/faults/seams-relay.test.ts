// An internal error in a push target ends that target for that stream: the stream, its viewers and the other targets go on.
import { createServer } from 'node:net';
import { pino } from 'pino';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { createGateway } from '../../src/gateway.js';
import { rtmpServerError } from '../../src/servers/rtmp/errors.js';
import { startServer } from '../servers/rtmp/server-under-test.js';
import { followStream } from '../support/followed-stream.js';
import { startGateway } from '../support/gateway.js';
import { eventually, whenListed } from '../support/hls-client.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { type FlvSource, makeFlvSource } from '../transcode/flv-source.js';
import { publishLoop } from './looping-publisher.js';
import { Injections } from './seams/injections.js';

let source: FlvSource;
beforeAll(async () => {
  source = await makeFlvSource({ seconds: 2, gop: 10 });
});

/** The port of a server that hangs up at once, and a port without a server. */
async function uselessPorts(): Promise<{ readonly hangsUp: number; readonly dead: number }> {
  const servers = [createServer((socket) => socket.on('error', () => undefined).end()), createServer()];
  const [hangsUp, dead] = await Promise.all(
    servers.map(async (server) => {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return (server.address() as { port: number }).port;
    }),
  );
  onTestFinished(() => void servers[0]?.close());
  await new Promise<void>((resolve) => servers[1]?.close(() => resolve()));
  return { hangsUp: hangsUp ?? 0, dead: dead ?? 0 };
}

it('ends only the target in which it happens', async () => {
  const injections = new Injections();
  const { gateway, http, publishUrl, errors } = await startGateway('--ladder', 'source', '--segment-duration', '1');
  const server = await startServer();
  onTestFinished(() => gateway.close());
  const urlOf = (port: number) => `rtmp://127.0.0.1:${port}/live/{name}-copy`;
  await publishLoop(publishUrl('neighbour'), source, { seconds: 2 });
  await gateway.targets.add({ stream: 'live/neighbour', url: urlOf(server.port) });
  const neighbour = await server.target();
  followStream(`${http}/hls/live/neighbour`);
  const { hangsUp, dead } = await uselessPorts();
  const portOf = (seam: string) => ({ 'relay error': dead, 'relay end': hangsUp })[seam] ?? server.port;

  const whenStarted = ['relay connected', 'relay data', 'relay written', 'target reads', 'target is sent to'];
  const timers = ['timer in relay/push-run.ts', 'timer in relay/rtmp-link.ts'];
  for (const seam of [...whenStarted, ...timers, 'relay error', 'relay end', 'relay close', 'target hears the end']) {
    const name = `victim-${seam.replace(/\W/g, '-')}`;
    const hit = injections.arm({ seam, domain: (domain) => domain.endsWith(` for live/${name}`), fault: 'throw' });
    const { id } = await gateway.targets.add({ stream: `live/${name}`, url: urlOf(portOf(seam)) });
    const publisher = await publishLoop(publishUrl(name), source, { seconds: 2 });
    if (seam === 'relay close') {
      const copy = await eventually(async () => server.targets.find(({ request }) => request.name === `${name}-copy`));
      await copy.received(5);
      copy.kick(rtmpServerError('rtmp-server.shutdown', 'the server is stopping'));
    }
    if (seam === 'target hears the end') {
      await eventually(async () => (gateway.targets.find(id)?.state === 'publishing' ? true : undefined));
      await publisher.stop();
    }
    await hit;
    expect([seam, gateway.targets.find(id)?.runs]).toEqual([seam, []]);
    await eventually(async () => (errors().some(({ target }) => target === id) ? true : undefined));
    if (seam !== 'target hears the end') expect([seam, publisher.connected]).toEqual([seam, true]);
    await publisher.stop();
    await gateway.targets.remove(id);
  }
  const before = neighbour.messages.length;
  await neighbour.received(before + 20);
  expect(neighbour.ends).toEqual([]);
  await whenListed(`${http}/hls/live/neighbour`, 'source', 2);

  const hit = injections.arm({
    seam: 'file of targets',
    domain: (name) => name === 'push targets',
    fault: 'rejection',
  });
  await hit;
  await eventually(async () => (errors().some(({ where }) => where === 'file of targets') ? true : undefined));
  await gateway.targets.add({ stream: 'live/neighbour', url: `rtmp://127.0.0.1:${server.port}/live/after` });
  await eventually(async () => server.targets.find(({ request }) => request.name === 'after'));
});

it.each(['source is kicked', 'timer in relay/pull-source.ts'])(
  'an error at "%s" ends the source in which it happens, and no other',
  async (seam) => {
    const injections = new Injections();
    const origin = await startGateway('--ladder', 'source');
    for (const name of ['victim', 'other']) await publishLoop(origin.publishUrl(name), source, { seconds: 2 });
    const directory = await temporaryDirectory();
    const logs: string[] = [];
    const gateway = await createGateway(
      {
        ...{ host: '127.0.0.1', rtmpPort: 0, httpPort: 0, adminPort: 'none', publishKey: 'none', ladder: ['source'] },
        ...{ mediaDir: `${directory}/media`, stateDir: `${directory}/state`, recordDir: `${directory}/recordings` },
        sources: ['victim', 'other'].map((name) => ({ stream: `live/${name}`, url: `${origin.rtmp}/${name}` })),
      },
      { logger: pino({ level: 'error' }, { write: (line) => logs.push(line) }) },
    );
    onTestFinished(() => gateway.close());
    const hit = injections.arm({ seam, domain: (name) => name === 'source of live/victim', fault: 'throw' });
    await gateway.start();
    const states = () => gateway.sources.map(({ state }) => state);
    if (seam === 'source is kicked') {
      await eventually(async () => (states().every((state) => state === 'pulling') ? true : undefined));
      gateway.kick('live', 'victim');
    }
    await hit;
    await eventually(async () => (states()[0] === 'failed' && states()[1] === 'pulling' ? true : undefined));
    expect(logs.join('')).toContain(seam === 'source is kicked' ? seam : 'timer');
  },
);

it('an RTMP player that waits for a pulled stream gets it although its deadline has failed', async () => {
  const injections = new Injections();
  const origin = await startGateway('--ladder', 'source');
  const publisher = await publishLoop(origin.publishUrl('cam'), source, { seconds: 2 });
  const directory = await temporaryDirectory();
  const options = {
    ...{ host: '127.0.0.1', rtmpPort: 0, httpPort: 0, adminPort: 'none' as const, publishKey: 'none' },
    ...{ ladder: ['source'], recordDir: `${directory}/recordings` },
  };
  const made = async (name: string, url: string, onDemand: boolean) => {
    const places = { mediaDir: `${directory}/${name}`, stateDir: `${directory}/${name}-state` };
    const sources = [{ stream: 'live/cam', url, onDemand }];
    const gateway = await createGateway({ ...options, ...places, sources }, { logger: pino({ level: 'silent' }) });
    onTestFinished(() => gateway.close());
    return { gateway, ...(await gateway.start()) };
  };
  const hit = injections.arm({
    ...{ seam: 'timer in gateway/pulled-streams.ts', fault: 'throw' },
    domain: (name) => name === 'pulled streams',
  });
  const near = await made('near', `${origin.rtmp}/cam`, true);
  const far = await made('far', `${near.rtmp.replace(/\/$/, '')}/cam`, false);
  await hit;
  await eventually(async () => (far.gateway.sources[0]?.state === 'pulling' ? true : undefined));
  expect(publisher.connected).toBe(true);
});
