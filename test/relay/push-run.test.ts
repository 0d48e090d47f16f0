// A target whose server asks for a new connection, with a clock that the test moves.
import { createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { ServerSession } from '../../src/protocols/rtmp/server-session.js';
import { PushRun } from '../../src/relay/push-run.js';
import { parseRtmpUrl } from '../../src/relay/rtmp-url.js';
import { eventually } from '../support/hls-client.js';
import { ManualClock } from '../support/manual-clock.js';

/** Accepts every publish and can ask all its clients for a new connection. */
async function movingServer() {
  const sessions: { readonly session: ServerSession; readonly socket: Socket }[] = [];
  const send = ({ session, socket }: (typeof sessions)[number]) => {
    const output = session.takeOutput();
    if (output !== undefined && !socket.destroyed) socket.write(output);
  };
  const server = createServer((socket) => {
    const peer = { session: new ServerSession(), socket };
    sessions.push(peer);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      peer.session.receive(bytes);
      for (let event = peer.session.nextEvent(); event !== undefined; event = peer.session.nextEvent()) {
        if (event.type === 'publish-request') peer.session.accept(event.messageStreamId);
      }
      send(peer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const { socket } of sessions) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const move = () => {
    for (const peer of sessions) {
      peer.session.requestReconnect({ description: 'maintenance' });
      send(peer);
    }
  };
  return { port, move, connections: () => sessions.length };
}

it('H1.04 a server that asks for a new connection gets it at once after 10 s, and before that after a pause', async () => {
  const { port, move, connections } = await movingServer();
  const clock = new ManualClock();
  const silent = () => undefined;
  let closed: () => void = () => undefined;
  const over = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const run = new PushRun({
    ...{
      id: 't',
      app: 'live',
      name: 'cam',
      url: parseRtmpUrl(`rtmp://127.0.0.1:${port}/live/key`),
      trust: {},
      codecs: [],
    },
    streams: { open: () => ({ take: () => undefined, ended: false, close: silent }) },
    ...{ clock, random: () => 0, logger: { debug: silent, info: silent, warn: silent, error: silent } },
    ...{ isOwn: () => false, mayConnect: silent, move: silent, onTag: silent, warnings: () => [], onState: silent },
    onClosed: () => closed(),
  });
  onTestFinished(async () => {
    run.stop();
    // The farewell ends by this clock if the server does not close its side.
    clock.advance(1_000);
    await over;
  });
  const inState = (state: string) => eventually(async () => (run.state.state === state ? true : undefined));
  run.start();
  await inState('publishing');
  move();
  await inState('backoff');
  expect([run.state.lastError?.code, run.state.attempts, connections()]).toEqual(['relay.moved', 1, 1]);
  clock.advance(1_000);
  await inState('publishing');
  expect(run.state.attempts).toBe(2);
  clock.advance(10_000);
  move();
  await eventually(async () => (connections() === 3 ? true : undefined));
  await inState('publishing');
  expect(run.state.attempts).toBe(1);
});
