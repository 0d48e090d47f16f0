// Push targets with real servers: what the servers receive, how failures are handled, and that nothing else is affected. Ids: docs/behaviour.md.
import { createServer, type Server, type Socket } from 'node:net';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { PushRunState } from '../../src/contracts/relay.js';
import type { GatewayEvent } from '../../src/events/gateway-event.js';
import { rtmpServerError } from '../../src/servers/rtmp/errors.js';
import { publishLoop } from '../faults/looping-publisher.js';
import { type RecordingTarget, type ServerSetup, startServer } from '../servers/rtmp/server-under-test.js';
import { startGateway, TEST_KEY, type TestGateway } from '../support/gateway.js';
import { eventually } from '../support/hls-client.js';
import { type FlvSource, makeFlvSource } from '../transcode/flv-source.js';

const SECRET = 'target-key-that-must-never-be-seen-91c2';

let source: FlvSource;
beforeAll(async () => {
  source = await makeFlvSource({ seconds: 2, gop: 10 });
});

const publish = (gateway: TestGateway, name = 'cam') =>
  publishLoop(`${gateway.rtmp}/${name}?key=${TEST_KEY}`, source, { seconds: 2 });
const gatewayOf = (...flags: string[]) => startGateway('--ladder', 'source', ...flags);
const addressOf = (port: number, key = `copy?key=${SECRET}`) => `rtmp://127.0.0.1:${port}/live/${key}`;

function run(gateway: TestGateway, id: string): PushRunState | undefined {
  return gateway.gateway.targets.find(id)?.runs[0];
}

const inState = (gateway: TestGateway, id: string, state: string) =>
  eventually(async () => (gateway.gateway.targets.find(id)?.state === state ? true : undefined));

/** Audio and video without headers and metadata. */
function framesOf({ messages }: RecordingTarget) {
  const header = (kind: string, body: Buffer) => kind === 'script' || body[1] === 0;
  return messages.filter(({ kind, body }) => !header(kind, body));
}

/** A port on which nothing listens. */
async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** A server that accepts connections and never answers. */
async function silentServer(onSocket: (socket: Socket) => void = () => undefined): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

describe('a push target', () => {
  it('H1.01 H1.07 gets metadata, headers and a key frame first, from time 0, and every body unchanged', async () => {
    const gateway = await gatewayOf();
    const server = await startServer();
    const target = await gateway.gateway.targets.add({ stream: 'live/cam', url: addressOf(server.port) });
    expect(target).toMatchObject({ state: 'idle', url: `rtmp://127.0.0.1:${server.port}/live/•••`, runs: [] });
    await publish(gateway);
    const copy = await server.target();
    await copy.received(60);
    expect([copy.request.app, copy.request.name]).toEqual(['live', 'copy']);
    const [video, audio, key] = copy.messages.filter(({ kind }) => kind !== 'script');
    expect([video?.body, audio?.body]).toEqual([source.videoHeader, source.audioHeader]);
    expect([key?.kind, key?.timestamp, (key?.body[0] ?? 0) >> 4]).toEqual(['video', 0, 1]);
    const sent = new Set(source.media.map(({ body }) => body.toString('hex')));
    expect(framesOf(copy).filter(({ body }) => !sent.has(body.toString('hex')))).toEqual([]);
    expect(run(gateway, target.id)).toMatchObject({ state: 'publishing', attempts: 1, remoteAddress: '127.0.0.1' });
    expect(run(gateway, target.id)?.bytes).toBeGreaterThan(1_000);
  });

  it('H1.18 ends its publish properly when it is stopped, and starts again', async () => {
    const gateway = await gatewayOf();
    const server = await startServer();
    const { targets } = gateway.gateway;
    const { id } = await targets.add({ stream: 'live/*', url: addressOf(server.port) });
    await publish(gateway);
    const copy = await server.target();
    await copy.received(5);
    expect((await targets.stop(id)).state).toBe('stopped');
    expect(await copy.ended).toBeUndefined();
    await targets.start(id);
    await (await server.target(1)).received(5);
    await targets.remove(id);
    expect(await (await server.target(1)).ended).toBeUndefined();
    expect(targets.list()).toEqual([]);
  });

  it('H1.18 ends its publish when the gateway stops', async () => {
    const gateway = await gatewayOf();
    const server = await startServer();
    await gateway.gateway.targets.add({ stream: 'live/cam', url: addressOf(server.port) });
    await publish(gateway);
    const copy = await server.target();
    await copy.received(5);
    await gateway.close();
    expect(await copy.ended).toBeUndefined();
  });

  it('H1.08 keeps its connection while the publisher is away, goes on with continuous time, and ends with the stream', async () => {
    const gateway = await gatewayOf('--resume-window', '20');
    const server = await startServer();
    const { id } = await gateway.gateway.targets.add({ stream: 'live/cam', url: addressOf(server.port) });
    const first = await publish(gateway);
    const copy = await server.target();
    await copy.received(30);
    await first.stop();
    await inState(gateway, id, 'idle');
    const before = copy.messages.length;
    const second = await publish(gateway);
    await copy.received(before + 60);
    expect(server.targets).toHaveLength(1);
    for (const kind of ['audio', 'video']) {
      const times = framesOf(copy).flatMap((message) => (message.kind === kind ? [message.timestamp] : []));
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(new Set(times).size).toBe(times.length);
    }
    expect(run(gateway, id)?.state).toBe('publishing');
    await second.stop();
  });

  it('H1.04 H1.07 reconnects after a server was killed, with continuous timestamps', async () => {
    const gateway = await gatewayOf();
    const server = await startServer();
    const events: GatewayEvent[] = [];
    gateway.gateway.onEvent((event) => events.push(event));
    const { id } = await gateway.gateway.targets.add({ stream: 'live/cam', url: addressOf(server.port) });
    await publish(gateway);
    const first = await server.target();
    await first.received(30);
    first.kick(rtmpServerError('rtmp-server.shutdown', 'the server is stopping'));
    const second = await server.target(1);
    await second.received(30);
    const last = Math.max(...framesOf(first).map(({ timestamp }) => timestamp));
    const [head] = framesOf(second);
    expect((head?.body[0] ?? 0) >> 4).toBe(1);
    expect(head?.timestamp).toBeGreaterThanOrEqual(last);
    expect(events.flatMap((event) => (event.type === 'target.changed' ? [event.state] : []))).toContain('publishing');
    expect(run(gateway, id)?.lastError?.message).toContain('the server is stopping');
  });

  it('H1.04 H1.11 shows the text of a refusal without the key, and waits for a minute or an operator', async () => {
    const gateway = await gatewayOf();
    let allowed = false;
    const check: ServerSetup['check'] = async ({ query, name }) => {
      if (allowed) return { allowed: true };
      const words = `no stream ${name} with ${query.get('key')}`;
      return { allowed: false, error: rtmpServerError('rtmp-server.access-failed', words) };
    };
    const server = await startServer({ check });
    const { id } = await gateway.gateway.targets.add({ stream: 'live/cam', url: addressOf(server.port) });
    await publish(gateway);
    await inState(gateway, id, 'failed');
    expect(run(gateway, id)?.lastError).toMatchObject({ code: 'relay.refused' });
    const pause = (run(gateway, id)?.nextAttempt ?? 0) - Date.now();
    expect(pause).toBeGreaterThan(40_000);
    allowed = true;
    await gateway.gateway.targets.start(id);
    await (await server.target()).received(5);
    expect(JSON.stringify([gateway.logs, gateway.gateway.targets.list()])).not.toContain(SECRET);
  });

  it('H1.05 a server that is down delays neither the publisher nor its viewers nor other targets', async () => {
    const gateway = await gatewayOf();
    const server = await startServer();
    const silent = await silentServer();
    const { targets } = gateway.gateway;
    const dead = await targets.add({ stream: 'live/cam', url: addressOf(await deadPort()) });
    const mute = await targets.add({ stream: 'live/cam', url: addressOf(silent) });
    const good = await targets.add({ stream: 'live/cam', url: addressOf(server.port) });
    await publish(gateway);
    await (await server.target()).received(60);
    await eventually(async () => ((await fetch(`${gateway.http}/hls/live/cam/index.m3u8`)).ok ? true : undefined));
    await inState(gateway, dead.id, 'backoff');
    expect(run(gateway, dead.id)?.lastError).toMatchObject({ code: 'relay.connection' });
    expect(targets.find(mute.id)?.state).toBe('connecting');
    expect(run(gateway, good.id)?.dropped).toBe(0);
  });

  it('H1.09 makes only one connection when another publisher takes over the name', async () => {
    const gateway = await gatewayOf('--publish-conflict', 'override', '--resume-window', '20');
    const server = await startServer();
    await gateway.gateway.targets.add({ stream: 'live/cam', url: addressOf(server.port) });
    await publish(gateway);
    const copy = await server.target();
    await copy.received(30);
    await publish(gateway);
    await copy.received(copy.messages.length + 60);
    expect([server.targets.length, copy.ends]).toEqual([1, []]);
  });

  it('H1.09 two streams never share one URL', async () => {
    const gateway = await gatewayOf();
    const server = await startServer();
    const { targets } = gateway.gateway;
    const { id } = await targets.add({ stream: 'live/*', url: addressOf(server.port) });
    await publish(gateway, 'one');
    await (await server.target()).received(5);
    await publish(gateway, 'two');
    await inState(gateway, id, 'failed');
    const [one, two] = targets.find(id)?.runs ?? [];
    expect([one?.state, two?.state, two?.lastError?.code]).toEqual(['publishing', 'failed', 'relay.in-use']);
    const each = await targets.add({ stream: 'live/*', url: addressOf(server.port, '{name}-copy') });
    await eventually(async () => (targets.find(each.id)?.state === 'publishing' ? true : undefined));
    expect(server.targets.map(({ request }) => request.name).sort()).toEqual(['copy', 'one-copy', 'two-copy']);
  });

  it('H1.09 the stream that came first does not take its URL back from the one that is sent there now', async () => {
    const gateway = await gatewayOf();
    let refused = false;
    const check: ServerSetup['check'] = async () => {
      if (refused) return { allowed: true };
      refused = true;
      return { allowed: false, error: rtmpServerError('rtmp-server.access-failed', 'not now') };
    };
    const server = await startServer({ check });
    const { targets } = gateway.gateway;
    const { id } = await targets.add({ stream: 'live/*', url: addressOf(server.port) });
    await publish(gateway, 'one');
    await inState(gateway, id, 'failed');
    await publish(gateway, 'two');
    await (await server.target()).received(5);
    await targets.start(id);
    const [one, two] = targets.find(id)?.runs ?? [];
    expect([one?.lastError?.code, two?.state, server.targets.length]).toEqual(['relay.in-use', 'publishing', 1]);
  });

  it('H1.19 never publishes a stream to itself', async () => {
    const gateway = await gatewayOf('--publish-conflict', 'override');
    const url = `${gateway.rtmp}/cam?key=${TEST_KEY}`;
    const { id } = await gateway.gateway.targets.add({ stream: 'live/cam', url });
    const publisher = await publish(gateway);
    await inState(gateway, id, 'failed');
    expect(run(gateway, id)?.lastError?.code).toBe('relay.loop');
    expect(publisher.connected).toBe(true);
  });
});
