// Limits on what RTMP peers may use of this machine.

import { choice, count, limit, seconds } from '../option-kinds.js';

export const ingestOptions = {
  maxStreams: count(1, 10_000, {
    default: 100,
    unit: 'streams',
    description: 'Publishers accepted at a time.',
  }),
  maxConnections: count(1, 100_000, {
    default: 500,
    unit: 'connections',
    description: 'RTMP connections open at a time; further ones are closed at once.',
  }),
  maxConnectionsPerIp: count(1, 100_000, {
    default: 16,
    unit: 'connections',
    description: 'RTMP connections open at a time from one IP address (IPv6: one /64).',
  }),
  idleTimeout: seconds(1, 600, {
    default: 15,
    description: 'A publisher that sends no byte for this long is dropped.',
  }),
  handshakeTimeout: seconds(1, 600, {
    default: 10,
    description: 'From accept to the end of the RTMP handshake, TLS included.',
  }),
  publishTimeout: seconds(1, 600, {
    default: 15,
    description: 'From the handshake to a publish or play request, and for the decision about it.',
  }),
  firstMediaTimeout: seconds(1, 3600, {
    default: 30,
    description: 'From an accepted publish to its first audio or video.',
  }),
  maxMediaAhead: seconds(0.5, 3600, {
    default: 10,
    description: 'Media that a publisher may send ahead of the clock before it is read at real time.',
  }),
  publishConflict: choice(['reject', 'override'], {
    default: 'reject',
    description:
      'Who gets a name that is already being published: `reject` refuses the newcomer, `override` disconnects the other one.',
  }),
  takeoverAfter: seconds(0.5, 600, {
    default: 3,
    description:
      'A publisher that has sent no media for this long loses its name to a new one, so that an encoder can return after a network failure.',
  }),
  rtmpPlay: choice(['on', 'off'], {
    default: 'on',
    description:
      'Whether RTMP players may watch: rtmp://HOST/APP/NAME. The publish key is not asked; with `playAccess: token` they need a token like all viewers.',
  }),
  pingInterval: seconds(1, 600, {
    default: 5,
    fileOnly: true,
    description: 'Silence of an RTMP peer after which it is sent a ping.',
  }),
  maxUnsentBytes: limit(16_384, 67_108_864, {
    default: 262_144,
    unit: 'bytes',
    description: 'Answers waiting for an RTMP peer that does not read; beyond it the peer is disconnected.',
  }),
  maxViewerBytes: limit(262_144, 268_435_456, {
    default: 8_388_608,
    unit: 'bytes',
    description: 'Media queued for one RTMP viewer; beyond this the viewer continues at the next key frame.',
  }),
  maxChunkStreams: limit(8, 65_597, {
    default: 64,
    description: 'RTMP chunk streams of one connection.',
  }),
  maxMessageStreams: limit(1, 1000, {
    default: 8,
    description: 'RTMP message streams open at a time on one connection (createStream).',
  }),
  maxVideoMessageBytes: limit(65_536, 16_777_215, {
    default: 10_485_760,
    unit: 'bytes',
    description: 'Longest RTMP video or aggregate message.',
  }),
  maxAudioMessageBytes: limit(4096, 16_777_215, {
    default: 1_048_576,
    unit: 'bytes',
    description: 'Longest RTMP audio message.',
  }),
  maxCommandMessageBytes: limit(4096, 16_777_215, {
    default: 262_144,
    unit: 'bytes',
    description: 'Longest RTMP command, metadata or other message.',
  }),
  maxPendingBytes: limit(65_536, 1_073_741_824, {
    default: 16_777_216,
    unit: 'bytes',
    description: 'Unfinished RTMP messages of one connection together.',
  }),
  maxEarlyMediaBytes: limit(0, 268_435_456, {
    default: 2_097_152,
    unit: 'bytes',
    description:
      'Media kept between a publish request and its answer; anything beyond is dropped up to the next key frame.',
  }),
  messagesPerTurn: limit(1, 100_000, {
    default: 256,
    unit: 'messages',
    description: 'RTMP messages of one connection handled before other connections get their turn.',
  }),
  freeFailures: limit(0, 1000, {
    default: 5,
    unit: 'failures',
    description: 'Wrong keys and passwords from one address that are answered at once; later refusals are delayed.',
  }),
  maxFailureDelay: seconds(0.1, 4, {
    default: 4,
    fileOnly: true,
    description: 'Longest such delay; each one is random, up to a bound that grows.',
  }),
};
