// Limits on what RTMP peers may use of this machine.

import { Type } from 'typebox';
import { choice, count, limit, seconds } from '../option-kinds.js';

const messageName = Type.String({
  pattern: '^(\\*|[A-Za-z_][\\w.-]{0,63})$',
  expected: 'a name of at most 64 letters, digits, _, . and -, or *',
});

export const ingestOptions = {
  maxStreams: count(1, 10_000, {
    default: 100,
    unit: 'streams',
    description: 'Maximum number of publishers at the same time.',
  }),
  maxConnections: count(1, 100_000, {
    default: 500,
    unit: 'connections',
    description: 'Maximum number of RTMP connections; further ones are closed at once.',
  }),
  maxConnectionsPerIp: count(1, 100_000, {
    default: 16,
    unit: 'connections',
    description: 'Maximum number of RTMP connections from one IP address (IPv6: one /64).',
  }),
  idleTimeout: seconds(1, 600, {
    default: 15,
    description: 'A publisher that sends nothing for this long is disconnected.',
  }),
  handshakeTimeout: seconds(1, 600, {
    default: 10,
    description: 'Time limit for the RTMP handshake, counted from the new connection and including TLS.',
  }),
  publishTimeout: seconds(1, 600, {
    default: 15,
    description: 'Time limit from the handshake to a publish or play request, and then for the decision about it.',
  }),
  firstMediaTimeout: seconds(1, 3600, {
    default: 30,
    description: 'Time limit from an accepted publish request to its first audio or video.',
  }),
  maxMediaAhead: seconds(0.5, 3600, {
    default: 10,
    description: 'How far ahead of real time a publisher may send media; beyond it, media is read in real time.',
  }),
  publishConflict: choice(['reject', 'override'], {
    default: 'reject',
    description:
      'What happens if a name is already being published: `reject` refuses the new publisher, `override` disconnects the present one.',
  }),
  rtmpProxyProtocol: choice(['off', 'on'], {
    default: 'off',
    fileOnly: true,
    description:
      'Whether each RTMP and RTMPS connection of an address in `trustedProxies` begins with a PROXY protocol header (version 1 or 2) that names its client; without one it is refused. The default of `trustedProxies` includes this machine. Other addresses cannot send such a header.',
  }),
  takeoverAfter: seconds(0.5, 600, {
    default: 3,
    description:
      'A publisher that has sent no media for this long loses its name to a new one, so that an encoder can return after a network failure.',
  }),
  rtmpPlay: choice(['on', 'off'], {
    default: 'on',
    description:
      'Whether RTMP players may watch: rtmp://HOST/APP/NAME. No publish key is needed; with `playAccess: token` they need a token like all viewers.',
  }),
  dataMessages: Type.Array(messageName, {
    default: [],
    maxItems: 64,
    uniqueItems: true,
    placeholder: 'NAME,…',
    expected: 'names of data messages such as onTextData, or *',
    description:
      'Data messages of publishers that become timed events: in the media, for pages, and for monitors. `*` takes all. RTMP players get every data message in any case.',
  }),
  maxDataRate: limit(0, 64 * 1024 * 1024, {
    default: 512 * 1024,
    unit: 'bytes',
    description: 'Bytes per second of data messages of one publisher; beyond it, messages are dropped.',
  }),
  pingInterval: seconds(1, 600, {
    default: 5,
    fileOnly: true,
    description: 'An RTMP peer that sends nothing for this long gets a ping.',
  }),
  maxUnsentBytes: limit(16_384, 67_108_864, {
    default: 262_144,
    unit: 'bytes',
    description: 'Maximum size of the answers that an RTMP peer has not read; beyond it the peer is disconnected.',
  }),
  maxViewerBytes: limit(262_144, 268_435_456, {
    default: 8_388_608,
    unit: 'bytes',
    description:
      'Maximum size of the media queued for one RTMP viewer; beyond it the viewer continues at the next key frame.',
  }),
  maxChunkStreams: limit(8, 65_597, {
    default: 64,
    description: 'Maximum number of RTMP chunk streams of one connection.',
  }),
  maxMessageStreams: limit(1, 1000, {
    default: 8,
    description: 'Maximum number of RTMP message streams of one connection (createStream).',
  }),
  maxVideoMessageBytes: limit(65_536, 16_777_215, {
    default: 10_485_760,
    unit: 'bytes',
    description: 'Maximum size of an RTMP video or aggregate message.',
  }),
  maxAudioMessageBytes: limit(4096, 16_777_215, {
    default: 1_048_576,
    unit: 'bytes',
    description: 'Maximum size of an RTMP audio message.',
  }),
  maxCommandMessageBytes: limit(4096, 16_777_215, {
    default: 262_144,
    unit: 'bytes',
    description: 'Maximum size of an RTMP command, metadata or other message.',
  }),
  maxPendingBytes: limit(65_536, 1_073_741_824, {
    default: 16_777_216,
    unit: 'bytes',
    description: 'Maximum size of all unfinished RTMP messages of one connection.',
  }),
  maxEarlyMediaBytes: limit(0, 268_435_456, {
    default: 2_097_152,
    unit: 'bytes',
    description:
      'Maximum size of the media kept between a publish request and its answer; media beyond it is dropped up to the next key frame.',
  }),
  messagesPerTurn: limit(1, 100_000, {
    default: 256,
    unit: 'messages',
    description: 'Number of RTMP messages of one connection that are handled before other connections get their turn.',
  }),
  freeFailures: limit(0, 1000, {
    default: 5,
    unit: 'failures',
    description:
      'Number of wrong keys and passwords from one address that are answered at once; later refusals are delayed.',
  }),
  maxFailureDelay: seconds(0.1, 4, {
    default: 4,
    fileOnly: true,
    description: 'Longest delay of such a refusal. Each delay is random, up to a bound that grows.',
  }),
};
