// The reasons why the RTMP server itself ends a connection, apart from protocol errors.

import { defineErrors } from '../../protocols/errors.js';

export const rtmpServerError = defineErrors({
  'rtmp-server.listen': {
    kind: 'unavailable',
    summary:
      'The RTMP port cannot be listened on: it is in use, needs privileges, or the address is not of this machine.',
  },
  'rtmp-server.handshake-timeout': {
    kind: 'limit',
    summary: 'The peer did not finish the RTMP handshake in time. Common for port scanners and health checks.',
  },
  'rtmp-server.publish-timeout': {
    kind: 'limit',
    summary: 'The peer connected but asked neither to publish nor to play in time.',
  },
  'rtmp-server.media-timeout': {
    kind: 'limit',
    summary: 'The publisher was accepted but sent no audio or video in time.',
  },
  'rtmp-server.idle-timeout': {
    kind: 'limit',
    summary:
      'No byte came from the peer for `idleTimeout`: it or its network has failed. Encoders reconnect by themselves.',
  },
  'rtmp-server.peer-not-reading': {
    kind: 'limit',
    summary:
      'The peer does not read what it is sent, so the connection was closed before unsent answers could accumulate.',
  },
  'rtmp-server.connection-lost': {
    kind: 'unavailable',
    summary: 'The TCP connection of the peer broke (reset or timed out).',
  },
  'rtmp-server.play-off': {
    kind: 'unsupported',
    summary: 'A player asked for a stream over RTMP, and `rtmpPlay` is off. Streams are watched over HLS.',
  },
  'rtmp-server.stream-not-found': {
    kind: 'unavailable',
    summary: 'A player asked over RTMP for a stream that nobody publishes.',
  },
  'rtmp-server.shutdown': {
    kind: 'unavailable',
    summary: 'The gateway is stopping. Encoders reconnect by themselves.',
  },
  'rtmp-server.access-failed': {
    kind: 'unavailable',
    summary: 'The decision whether this publisher is allowed could not be made; it was refused.',
  },
  'rtmp-server.internal': {
    kind: 'unavailable',
    summary:
      'A bug in the gateway ended this publisher; the log has the stack. Other publishers go on. Please report it.',
  },
  'rtmp-server.proxy-header': {
    kind: 'invalid-data',
    summary:
      'A proxy in trustedProxies did not begin a connection with a PROXY protocol header, although rtmpProxyProtocol is on, or its header is broken. Turn the protocol on in the proxy.',
  },
});
