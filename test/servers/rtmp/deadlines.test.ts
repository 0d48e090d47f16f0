// Each deadline of a connection on a real socket: an idle peer is closed, a slow but honest one is not.
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { audioBody, Encoder, HANDSHAKE, rawPeer, startServer } from './server-under-test.js';

describe('deadlines', () => {
  it('A1.10 C2.01 closes handshakes that arrive too slowly, while a real encoder connects', async () => {
    const { server, port, logs, target } = await startServer({ handshakeTimeout: 300, maxConnectionsPerIp: 100 });
    const slow = await Promise.all(Array.from({ length: 50 }, () => rawPeer(port)));
    const closed = slow.map((socket) => once(socket.resume(), 'close'));
    const trickle = setInterval(() => {
      for (const socket of slow) if (socket.writable) socket.write(Buffer.from([3]));
    }, 20);
    const encoder = new Encoder(port, 'show');
    await encoder.event('publishing');
    await Promise.all(closed);
    clearInterval(trickle);
    encoder.send('audio', 0, audioBody());
    await (await target()).received(1);
    expect(server.counters.closedByError.get('rtmp-server.handshake-timeout')).toBe(50);
    // C3.05: the log does not repeat itself fifty times.
    const lines = logs.filter(({ message }) => message === 'rtmp connection ended');
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThanOrEqual(20);
    expect(lines[0]).toMatchObject({ peer: '127.0.0.1', code: 'rtmp-server.handshake-timeout' });
  });

  it('C2.02 closes a peer that connects and then sends no request', async () => {
    const { server, port } = await startServer({ publishTimeout: 100 });
    const peer = await rawPeer(port);
    peer.resume().write(HANDSHAKE);
    await once(peer, 'close');
    expect(server.counters.closedByError.get('rtmp-server.publish-timeout')).toBe(1);
  });

  it('A3.08 gives an accepted publisher limited time for its first media; metadata does not count', async () => {
    const { port, target } = await startServer({ firstMediaTimeout: 100 });
    const encoder = new Encoder(port, 'show');
    await encoder.event('publishing');
    encoder.send('script', 0, Buffer.from('02000a6f6e4d6574614461746103000009', 'hex'));
    expect(await encoder.event('rejected')).toMatchObject({
      description: 'no audio or video within 100 ms of the publish',
    });
    expect((await (await target()).ended)?.code).toBe('rtmp-server.media-timeout');
  });

  it('A8.01 gives up a publisher that sends no bytes, and ends the stream once', async () => {
    const { port, target, server } = await startServer({ idleTimeout: 200, firstMediaTimeout: 5_000 });
    const encoder = new Encoder(port, 'show');
    await encoder.event('publishing');
    encoder.send('audio', 0, audioBody());
    const received = await target();
    await received.received(1);
    // Half open: the peer's machine is gone, so nothing is read and nothing is answered.
    encoder.socket.pause();
    expect((await received.ended)?.code).toBe('rtmp-server.idle-timeout');
    await expect.poll(() => server.counters.connections).toBe(0);
    expect(received.ends).toHaveLength(1);
  });

  it('A3.09 keeps a publisher that only answers pings: a still picture sends next to nothing', async () => {
    const { port, target, server } = await startServer({ idleTimeout: 150, pingInterval: 30 });
    const encoder = new Encoder(port, 'show');
    await encoder.event('publishing');
    encoder.send('audio', 0, audioBody());
    const received = await target();
    await received.received(1);
    const before = server.counters.bytesReceived;
    // Twelve pings of 30 ms are more than two idle timeouts.
    await expect.poll(() => server.counters.bytesReceived - before).toBeGreaterThan(12 * 18);
    expect(received.ends).toEqual([]);
    encoder.send('audio', 40, audioBody());
    await received.received(2);
  });

  it('A1.09 hangs up at once on bytes that are not RTMP, with a reason and without a stack', async () => {
    const { server, port, logs } = await startServer();
    for (const hello of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00']) {
      const peer = await rawPeer(port);
      peer.resume().write(hello, 'latin1');
      await once(peer, 'close');
    }
    expect(server.counters.closedByError.get('rtmp.not-rtmp')).toBe(2);
    const lines = logs.filter(({ code }) => code === 'rtmp.not-rtmp');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatchObject({ level: 'info', peer: '127.0.0.1', reason: expect.not.stringContaining('\n') });
  });

  it('C3.12 does not believe an address in a PROXY header, which is not RTMP', async () => {
    const { server, port } = await startServer();
    const peer = await rawPeer(port);
    peer.resume().write('PROXY TCP4 198.51.100.1 127.0.0.1 40000 1935\r\n');
    await once(peer, 'close');
    expect(server.counters.closedByError.get('rtmp.not-rtmp')).toBe(1);
  });

  it('A1.08 survives a peer with another RTMP version', async () => {
    const { port } = await startServer({ handshakeTimeout: 200 });
    const peer = await rawPeer(port);
    peer.resume().write(Buffer.from([6]));
    await once(peer, 'close');
    await new Encoder(port, 'show').event('publishing');
  });
});
