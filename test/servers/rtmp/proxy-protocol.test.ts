// Behind a trusted proxy, a publisher has the address that the proxy sends. Nobody else can set an address.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { selfSignedCertificate } from '../../support/certificate.js';
import { eventually } from '../../support/hls-client.js';
import { absentPeer, HAPROXY } from '../../support/peers.js';
import { startProgram } from '../../support/processes.js';
import { temporaryDirectory } from '../../support/temp-dir.js';
import { Encoder, rawPeer, startServer } from './server-under-test.js';

const HEADER = 'PROXY TCP4 192.0.2.7 198.51.100.1 56324 1935\r\n';
const PROXIES = { proxies: ['127.0.0.1'] };

function certificate() {
  const { cert, key } = selfSignedCertificate('a');
  const current = { cert: Buffer.from(cert), key: Buffer.from(key), minVersion: 'TLSv1.2' } as const;
  return { current, onChange: () => () => undefined };
}

describe('D5.08 a connection of a trusted proxy', () => {
  it('has the address of the client, by which it is counted and limited', async () => {
    const server = await startServer({ ...PROXIES, maxConnectionsPerIp: 1 });
    const encoder = new Encoder(server.port, 'cam', { preamble: HEADER });
    await encoder.event('publishing');
    expect((await server.target()).request.remoteAddress).toBe('192.0.2.7');
    const second = new Encoder(server.port, 'other', { preamble: HEADER });
    await second.closed;
    expect(server.server.counters.refusedAddressLimit).toBe(1);
    const other = new Encoder(server.port, 'third', { preamble: HEADER.replace('192.0.2.7', '192.0.2.8') });
    await other.event('publishing');
  });

  it('is served when its header comes in pieces, followed by TLS', async () => {
    const server = await startServer({ ...PROXIES, certificate: certificate() });
    const relay = createServer((client) => {
      const upstream = connect({ port: server.tlsPort, host: '127.0.0.1', noDelay: true });
      upstream.write(HEADER.slice(0, 9));
      setImmediate(() => {
        upstream.write(HEADER.slice(9));
        client.pipe(upstream).pipe(client);
      });
      client.on('error', () => upstream.destroy());
      upstream.on('error', () => client.destroy());
    });
    relay.listen(0, '127.0.0.1');
    await once(relay, 'listening');
    const encoder = new Encoder((relay.address() as AddressInfo).port, 'cam', { tls: true });
    await encoder.event('publishing');
    expect((await server.target()).request.remoteAddress).toBe('192.0.2.7');
    encoder.socket.destroy();
    relay.close();
  });

  it('is refused without a header, with a broken one, and with one that never ends, with a log line and a counter', async () => {
    const { server, port, logs } = await startServer({ ...PROXIES, handshakeTimeout: 200 });
    await new Encoder(port, 'cam').closed;
    await new Encoder(port, 'cam', { preamble: 'PROXY TCP4 nonsense\r\n' }).closed;
    const slow = await rawPeer(port);
    slow.write('PROXY TC');
    await once(slow.resume(), 'close');
    expect(server.counters.closedByError.get('rtmp-server.proxy-header')).toBe(3);
    expect(logs.map(({ code }) => code)).toContain('rtmp-server.proxy-header');
    expect(server.counters.connections).toBe(0);
  });

  it('cannot be faked from an untrusted address, nor if the protocol is off', async () => {
    const trusting = await startServer(PROXIES);
    const stranger = new Encoder(trusting.port, 'cam', { preamble: HEADER, from: '127.0.0.2' });
    await stranger.closed;
    await new Encoder(trusting.port, 'cam', { from: '127.0.0.2' }).event('publishing');
    expect((await trusting.target()).request.remoteAddress).toBe('127.0.0.2');
    const off = await startServer();
    await new Encoder(off.port, 'cam', { preamble: HEADER }).closed;
    expect(off.targets).toEqual([]);
  });

  it.skipIf(absentPeer(HAPROXY)).each(['send-proxy', 'send-proxy-v2'])(
    'has the address of the client behind HAProxy with %s',
    async (how) => {
      const server = await startServer({ ...PROXIES, proxies: ['127.0.0.9'] });
      const port = await freePort();
      const file = join(await temporaryDirectory(), 'haproxy.cfg');
      const lines = [
        'global',
        'defaults',
        'mode tcp',
        'timeout connect 5s',
        'timeout client 60s',
        'timeout server 60s',
      ];
      const listen = [
        'listen rtmp',
        `bind 127.0.0.1:${port}`,
        `server a 127.0.0.1:${server.port} ${how} source 127.0.0.9`,
      ];
      await writeFile(file, `${[...lines, ...listen].join('\n')}\n`);
      startProgram(HAPROXY, ['-f', file, '-db']);
      const encoder = await eventually(async () => {
        const trying = new Encoder(port, 'cam', { from: '127.0.0.5' });
        return trying.event('publishing').then(
          () => trying,
          () => undefined,
        );
      });
      expect((await server.target()).request.remoteAddress).toBe('127.0.0.5');
      encoder.socket.destroy();
    },
  );
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
