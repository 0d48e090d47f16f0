// Limits of connections on real sockets: no peer, however hostile, can harm others.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../../../src/protocols/errors.js';
import { RtmpServer } from '../../../src/servers/rtmp/listener.js';
import { audioBody, Encoder, HANDSHAKE, rawPeer, startServer } from './server-under-test.js';

describe('limits', () => {
  it.each([
    ['maxConnectionsPerIp', 'refusedAddressLimit'],
    ['maxConnections', 'refusedTotalLimit'],
  ] as const)(
    'C2.03 closes at once what is over %s, counts it, and frees the place of who leaves',
    async (limit, counter) => {
      const { server, port, logs } = await startServer({ [limit]: 2 });
      const first = new Encoder(port, 'one');
      const second = new Encoder(port, 'two');
      await Promise.all([first.event('publishing'), second.event('publishing')]);
      const third = await rawPeer(port);
      await once(third.resume(), 'close');
      expect(server.counters[counter]).toBe(1);
      expect(logs.filter(({ limit: name }) => name === limit)).toHaveLength(1);
      first.socket.destroy();
      await expect.poll(() => server.counters.connections).toBe(1);
      await new Encoder(port, 'three').event('publishing');
      expect(server.counters.publishers).toBe(2);
    },
  );

  it('C3.09 accepts further connections of an address while its wrong keys wait for their refusal, up to twice the limit', async () => {
    const refusals: (() => void)[] = [];
    const denied = {
      allowed: false,
      error: new SluiceError('access.publish-denied', 'invalid-data', 'denied'),
    } as const;
    const { server, port } = await startServer({
      maxConnectionsPerIp: 2,
      check: async ({ name }) => {
        if (!name.startsWith('wrong')) return { allowed: true };
        await new Promise<void>((resolve) => refusals.push(resolve));
        return denied;
      },
    });
    const wrong = [new Encoder(port, 'wrong1'), new Encoder(port, 'wrong2')];
    await expect.poll(() => refusals.length).toBe(2);
    const honest = new Encoder(port, 'honest');
    await honest.event('publishing');
    // Connections that do not wait for a refusal have the usual limit, and those that do cannot exclude others for ever.
    wrong.push(new Encoder(port, 'wrong3'));
    await expect.poll(() => refusals.length).toBe(3);
    await once((await rawPeer(port)).resume(), 'close');
    await once((await rawPeer(port)).resume(), 'close');
    expect(server.counters.refusedAddressLimit).toBe(2);
    for (const refuse of refusals) refuse();
    for (const encoder of wrong) expect(await encoder.event('rejected')).toMatchObject({ description: 'denied' });
    await expect.poll(() => server.counters.connections).toBe(1);
    await new Encoder(port, 'second').event('publishing');
    expect(server.counters.publishers).toBe(2);
  });

  it('A3.05 closes a peer that sends requests and never reads, before its answers fill the memory', async () => {
    const { server, port, target } = await startServer({ maxUnsentBytes: 64 * 1024 });
    const other = new Encoder(port, 'other');
    await other.event('publishing');
    const peer = await rawPeer(port);
    peer.pause();
    peer.write(HANDSHAKE);
    // PingRequest: format 0 on chunk stream 2, 6 bytes, type 4, event 6. Each is answered with as many bytes.
    const ping = Buffer.from('020000000000060400000000000612345678', 'hex');
    const flood = Buffer.concat(Array.from({ length: 10_000 }, () => ping));
    const closed = new Promise((resolve) => peer.on('close', resolve));
    const send = (): void => {
      peer.write(flood, (error) => (error ? undefined : send()));
    };
    send();
    await expect.poll(() => server.counters.closedByError.get('rtmp-server.peer-not-reading')).toBe(1);
    peer.resume();
    await closed;
    other.send('audio', 0, audioBody());
    await (await target()).received(1);
  });

  it('C2.07 serves others while a publisher floods, and loses nothing', async () => {
    const { port, target } = await startServer({ messagesPerTurn: 8 });
    const encoder = new Encoder(port, 'show');
    await encoder.event('publishing');
    const received = await target();
    let turns = 0;
    let counting = true;
    const turn = (): void => {
      turns++;
      if (counting) setImmediate(turn);
    };
    for (let i = 0; i < 2_000; i++) encoder.session.send('audio', i, audioBody(1));
    encoder.flush();
    await received.received(1);
    turn();
    await received.received(2_000);
    counting = false;
    expect(turns).toBeGreaterThan(100);
    expect(received.messages.map(({ timestamp }) => timestamp)).toEqual(Array.from({ length: 2_000 }, (_, i) => i));
  });

  it('C2.14 stops reading a publisher that is ahead, longer than the idle timeout, and then continues', async () => {
    const { server, port, target } = await startServer({ idleTimeout: 150, maxMediaAhead: 100 });
    const encoder = new Encoder(port, 'show');
    await encoder.event('publishing');
    const received = await target();
    const messages = 400;
    // 2 s of media, all at once.
    for (let i = 0; i < messages; i++) encoder.send('video', i * 5, Buffer.alloc(50_000, 0x27));
    await received.received(1);
    // A peer that sends nothing is given up after this time, but a peer that is not read must not be.
    for (let i = 0; i < 2; i++) {
      const silent = await rawPeer(port);
      await once(silent.resume(), 'close');
    }
    // The rest, which is not read yet, waits in the sockets.
    expect(server.counters.bytesReceived).toBeLessThan((messages * 50_000) / 2);
    expect(received.ends).toEqual([]);
    await received.received(messages);
    expect(server.counters.pacingPauses).toBeGreaterThan(0);
  });

  it('C2.14 reads a publisher that runs ahead of the clock at real time', async () => {
    const { server, port, target } = await startServer({ maxMediaAhead: 200 });
    const encoder = new Encoder(port, 'show');
    await encoder.event('publishing');
    const started = performance.now();
    for (let i = 0; i < 30; i++) encoder.send('video', i * 40, Buffer.alloc(100_000, 0x27));
    await (await target()).received(30);
    expect(performance.now() - started).toBeGreaterThan(29 * 40 - 200 - 100);
    expect(server.counters.pacingPauses).toBeGreaterThan(0);
  });
});

describe('start and end of the server', () => {
  it('names the port that it could not open', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const { server } = await startServer();
    await expect(
      new RtmpServer(
        { host: '127.0.0.1', port },
        {
          access: { check: async () => ({ allowed: true }) },
          admission: {
            claim: () => {
              throw new Error('never asked');
            },
          },
          logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
        },
      ).start(),
    ).rejects.toMatchObject({
      code: 'rtmp-server.listen',
      message: `cannot listen on 127.0.0.1:${port} (rtmpPort): EADDRINUSE, a gateway or another program has this port`,
    });
    taken.close();
    expect(server.counters.connections).toBe(0);
  });

  it('A8.08 informs publishers that it stops, ends every stream once, and cuts off peers that do not hang up', async () => {
    const { server, port, target } = await startServer();
    const polite = new Encoder(port, 'polite');
    await polite.event('publishing');
    const deaf = new Encoder(port, 'deaf');
    await deaf.event('publishing');
    deaf.socket.pause();
    const waiting = await rawPeer(port);
    waiting.resume().write(HANDSHAKE);
    await server.close();
    expect(await polite.event('rejected')).toMatchObject({
      code: 'NetStream.Failed',
      description: 'the server is stopping',
    });
    for (const index of [0, 1]) {
      const { ends } = await target(index);
      expect(ends.map((reason) => reason?.code)).toEqual(['rtmp-server.shutdown']);
    }
    expect(server.counters).toMatchObject({ connections: 0, publishers: 0 });
    const late = await rawPeer(port).catch((error: NodeJS.ErrnoException) => error.code);
    expect(late).toBe('ECONNREFUSED');
  });
});
