// One connection to another server that is silent, accepts no data, has a wrong certificate, or sends requests.
import { createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AdobeChallenge, NEED_AUTH } from '../../src/access/adobe-challenge.js';
import { hashPassword } from '../../src/access/password-hash.js';
import { UserDirectory } from '../../src/access/user-directory.js';
import type { SluiceError } from '../../src/protocols/errors.js';
import { FailureDomain } from '../../src/protocols/failure-domain.js';
import { ServerSession } from '../../src/protocols/rtmp/server-session.js';
import { RtmpLink, type RtmpLinkOptions } from '../../src/relay/rtmp-link.js';
import { parseRtmpUrl } from '../../src/relay/rtmp-url.js';
import { TlsCertificate } from '../../src/tls/certificate.js';
import { startServer } from '../servers/rtmp/server-under-test.js';
import { selfSignedCertificate, writeCertificate } from '../support/certificate.js';
import { eventually } from '../support/hls-client.js';
import { ManualClock } from '../support/manual-clock.js';
import { temporaryDirectory } from '../support/temp-dir.js';

/** A ping request: chunk stream 2, message type 4 of 6 bytes. */
const PING = Buffer.from([2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0, 0, 6, 0, 0, 0, 1]);

/** A server that accepts every publish, on plain sockets that the test controls. */
async function plainServer(onSession: (socket: Socket, session: ServerSession) => void = serve) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    onSession(socket, new ServerSession());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, sockets };
}

function serve(socket: Socket, session: ServerSession, onConnect?: (app: string) => string | undefined): void {
  socket.on('data', (bytes) => {
    session.receive(bytes);
    for (let event = session.nextEvent(); event !== undefined; event = session.nextEvent()) {
      if (event.type === 'publish-request') session.accept(event.messageStreamId);
      const refusal = event.type === 'connected' ? onConnect?.(event.tcUrl ?? '') : undefined;
      if (refusal !== undefined)
        session.rejectConnect({ code: 'NetConnection.Connect.Rejected', description: refusal });
    }
    const output = session.takeOutput();
    if (output !== undefined) socket.write(output);
  });
}

function linkTo(url: string, options: Partial<RtmpLinkOptions> = {}) {
  const clock = new ManualClock();
  const domain = new FailureDomain('link under test', ({ cause }) => {
    throw cause;
  });
  onTestFinished(() => domain.close());
  const told: string[] = [];
  let end: (error: SluiceError | undefined) => void = () => undefined;
  const ended = new Promise<SluiceError | undefined>((resolve) => {
    end = resolve;
  });
  const accepted = new Promise<void>((resolve) => {
    options = { ...options, onAccepted: resolve };
  });
  const link = new RtmpLink({
    ...{ role: 'publish', url: parseRtmpUrl(url), trust: {}, domain, clock, onAccepted: () => undefined },
    ...{ onRoom: () => told.push('room'), onReconnect: () => told.push('reconnect'), onEnd: end },
    ...options,
  });
  return { link, clock, ended, accepted, told };
}

describe('a connection of a target', () => {
  it('H1.02 H1.03 is closed when nothing can be sent for 15 s, and buffers a limited amount meanwhile', async () => {
    const { port, sockets } = await plainServer();
    const { link, clock, ended, accepted } = linkTo(`rtmp://127.0.0.1:${port}/live/key`);
    await accepted;
    for (const socket of sockets) socket.pause();
    const frame = Buffer.alloc(60_000);
    // Data is sent until the buffers of the system are full.
    let before = -1;
    await eventually(async () => {
      for (let i = 0; i < 100 && !link.isFull; i++) link.send('video', i, frame);
      link.flush();
      const stands = link.isFull && link.bytesSent === before;
      before = link.bytesSent;
      return stands ? true : undefined;
    });
    clock.advance(14_000);
    expect(link.isFull).toBe(true);
    clock.advance(2_000);
    expect((await ended)?.code).toBe('relay.stalled');
  });

  it('H1.03 is closed when a server asks for answers and does not read them', async () => {
    const { port, sockets } = await plainServer();
    const { link, ended, accepted } = linkTo(`rtmp://127.0.0.1:${port}/live/key`);
    await accepted;
    for (const socket of sockets) socket.pause();
    let isOver = false;
    const over = ended.then((error) => {
      isOver = true;
      return error;
    });
    const frame = Buffer.alloc(60_000);
    const pings = Buffer.concat(Array.from({ length: 2_000 }, () => PING));
    await eventually(async () => {
      for (let i = 0; i < 100 && !link.isFull; i++) link.send('video', i, frame);
      link.flush();
      for (const socket of sockets) if (!socket.destroyed) socket.write(pings);
      return isOver ? true : undefined;
    });
    expect(await over).toMatchObject({ code: 'relay.stalled', message: expect.stringContaining('did not read') });
  });

  it('H1.02 stays open while there is nothing to send, however long', async () => {
    const { port } = await plainServer();
    const { link, clock, accepted, ended } = linkTo(`rtmp://127.0.0.1:${port}/live/key`);
    await accepted;
    clock.advance(3_600_000);
    link.close();
    expect(await ended).toBeUndefined();
  });

  it('H1.03 is given up if a server accepts the connection and never answers', async () => {
    const { port } = await plainServer(() => undefined);
    const { clock, ended } = linkTo(`rtmp://127.0.0.1:${port}/live/key`);
    clock.advance(15_000);
    expect(await ended).toMatchObject({ code: 'relay.connection', message: 'no answer within 15 s' });
  });

  it('H1.14 authenticates in three steps, and only once with a wrong password', async () => {
    const challenge = new AdobeChallenge(new UserDirectory([{ name: 'bob', hash: hashPassword('bob', 'pass') }]));
    const seen: string[] = [];
    const onConnect = (tcUrl: string): string | undefined => {
      const query = new URLSearchParams((tcUrl.split('?')[1] ?? '').replaceAll('+', '%2B'));
      seen.push([...query.keys()].join(' '));
      const [user, response] = [query.get('user'), query.get('response')];
      if (user === null) return NEED_AUTH;
      if (response === null) return challenge.challenge(user, 'x', 0);
      const answer = { user, response, challenge: query.get('challenge') ?? '', opaque: query.get('opaque') ?? '' };
      return challenge.check(answer, 'x', 0)
        ? undefined
        : '[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=authfailed';
    };
    const { port } = await plainServer((socket, session) => serve(socket, session, onConnect));
    const right = linkTo(`rtmp://bob:pass@127.0.0.1:${port}/live/key`);
    await right.accepted;
    expect(seen).toEqual(['', 'authmod user', 'authmod user challenge response opaque']);
    right.link.close();
    const wrong = linkTo(`rtmp://bob:wrong@127.0.0.1:${port}/live/key`);
    expect((await wrong.ended)?.code).toBe('relay.refused');
    expect(seen).toHaveLength(6);
  });

  it('H1.10 trusts a certificate only because of an authority or a fingerprint', async () => {
    const certificate = selfSignedCertificate('localhost');
    const files = await writeCertificate(await temporaryDirectory(), certificate);
    const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
    const loaded = await TlsCertificate.load({ ...files, logger });
    onTestFinished(() => loaded.close());
    const server = await startServer({ certificate: loaded });
    const url = `rtmps://localhost:${server.tlsPort}/live/key`;
    expect((await linkTo(url).ended)?.code).toBe('relay.certificate');
    const wrong = await linkTo(url, { trust: { fingerprint: 'ab'.repeat(32) } }).ended;
    expect(wrong?.code).toBe('relay.certificate');
    const [, found = ''] = /SHA-256 ([0-9a-f]{64})/.exec(wrong?.message ?? '') ?? [];
    expect(server.targets).toHaveLength(0);
    for (const trust of [{ fingerprint: found }, { ca: certificate.cert }]) {
      const { link, accepted, ended } = linkTo(url, { trust });
      await accepted;
      link.close();
      expect(await ended).toBeUndefined();
    }
  });
});
