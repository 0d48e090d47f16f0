// The minimum that a Node server can do with publishers: it answers RTMP requests and discards all media.
import { createServer } from 'node:net';
import { RtmpServer } from '../dist/servers/rtmp/listener.js';

const nothing = () => undefined;
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };

if (process.argv[2] === 'messages') {
  // Parses RTMP like the gateway, but passes the media to nobody.
  const server = new RtmpServer(
    { host: '127.0.0.1', port: 0, maxConnectionsPerIp: 1000 },
    {
      access: { check: async () => ({ allowed: true }) },
      admission: { claim: () => ({ publish: nothing, end: nothing }) },
      logger: silent,
    },
  );
  process.send((await server.start()).port);
} else {
  // Reads bytes only.
  const server = createServer({ noDelay: true }, (socket) => socket.on('error', () => socket.destroy()).resume());
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
}
