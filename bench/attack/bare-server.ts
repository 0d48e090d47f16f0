// A server that does the least possible with a burst of TLS connections: it closes each one at its first byte. It runs in a separate process. Its
// memory growth is caused by Node and the C library's allocator, so no server built on them can grow by less.
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';

const [, , certificate, key] = process.argv;
if (certificate === undefined || key === undefined) throw new Error('expected the files of a certificate and its key');
const server = createServer(
  { cert: readFileSync(certificate), key: readFileSync(key), ALPNProtocols: ['h2'] },
  (socket) => {
    socket.on('error', () => socket.destroy()).once('data', () => socket.destroy());
  },
);
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('message', () => {
  globalThis.gc?.();
  globalThis.gc?.();
  process.send?.(process.memoryUsage().rss);
});
process.on('disconnect', () => process.exit());
