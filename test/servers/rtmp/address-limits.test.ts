// An IPv6 network counts as one peer. The loopback has only one IPv6 address, so the test gives the server other ones.
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { expect, it, vi } from 'vitest';
import { selfSignedCertificate } from '../../support/certificate.js';
import { rawPeer, startServer } from './server-under-test.js';

vi.mock('node:net', async (original) => {
  const net = await original<typeof import('node:net')>();
  return { ...net, createServer: vi.fn(net.createServer) };
});

it('counts the RTMP connections of one IPv6 /64 together, and those of others apart', async () => {
  const addresses = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::2', '2001:db8:1:2::3', '2001:db8:1:3::1'];
  const real = vi.mocked(createServer).getMockImplementation();
  vi.mocked(createServer).mockImplementation((...options: unknown[]) => {
    const server = (real as (...options: unknown[]) => Server)(...options);
    return server.prependListener('connection', (socket: Socket) => {
      Object.defineProperty(socket, 'remoteAddress', { value: addresses.shift() });
    });
  });
  const { cert, key } = selfSignedCertificate('a');
  const current = { cert: Buffer.from(cert), key: Buffer.from(key), minVersion: 'TLSv1.2' } as const;
  const certificate = { current, onChange: () => () => undefined };
  const { server, tlsPort } = await startServer({ certificate, maxConnectionsPerIp: 2 });
  await rawPeer(tlsPort);
  await rawPeer(tlsPort);
  await once((await rawPeer(tlsPort)).resume(), 'close');
  await rawPeer(tlsPort);
  await expect.poll(() => server.counters.connectionsAccepted).toBe(3);
  expect(server.counters.refusedAddressLimit).toBe(1);
  expect(addresses).toEqual([]);
});
