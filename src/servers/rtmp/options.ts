// Every bound and deadline of the RTMP server in one place, each beside the reason for its value.

import { DEFAULT_RTMP_LIMITS, type RtmpLimits } from '../../protocols/rtmp/limits.js';
import type { Milliseconds } from '../../protocols/units.js';

export interface RtmpServerOptions {
  /** Address to listen on. */
  readonly host: string;
  /** TCP port; 0 picks a free one. */
  readonly port: number;
  /** TCP port for RTMP inside TLS, when the server has a certificate; 0 picks a free one. */
  readonly tlsPort: number;
  /** Connections open at a time; one more is closed at once. */
  readonly maxConnections: number;
  /** The same from one IP address. */
  readonly maxConnectionsPerIp: number;
  /** From accept to the last byte of the handshake, that of TLS included. */
  readonly handshakeTimeout: Milliseconds;
  /** From the end of the handshake to a publish or play request; for the decision about it, too. */
  readonly publishTimeout: Milliseconds;
  /** From an accepted publish to its first audio or video message. */
  readonly firstMediaTimeout: Milliseconds;
  /** A peer that has sent no byte at all for this long is gone; a still picture sends few bytes but sends some. */
  readonly idleTimeout: Milliseconds;
  /** Silence after which we ask the peer for a sign of life. Missing pongs alone never end a peer that sends media. */
  readonly pingInterval: Milliseconds;
  /** Bytes that wait in our socket for a peer that does not read; more than that and it is closed. */
  readonly maxUnsentBytes: number;
  /** Media that waits for one viewer, besides what is in its socket; beyond it the viewer goes on at the next key frame. */
  readonly maxViewerBytes: number;
  /** What the session may hold or do. */
  readonly limits: RtmpLimits;
  /** Messages handled before the event loop gets a turn: a flood of tiny messages must not hold up other connections. */
  readonly messagesPerTurn: number;
  /** The same as a time, for messages that give nothing to handle. */
  readonly maxTurn: Milliseconds;
  /** Media time a publisher may be ahead of the clock before its socket is paused to real time. */
  readonly maxMediaAhead: Milliseconds;
  /** For a publisher that was asked to connect anew because the server stops. */
  readonly reconnectGrace: Milliseconds;
  /** From the last thing we have to say to the socket's destruction, for a peer that does not read or does not hang up. */
  readonly closeGrace: Milliseconds;
}

export const DEFAULT_RTMP_SERVER_OPTIONS: RtmpServerOptions = {
  host: '0.0.0.0',
  port: 1935,
  tlsPort: 1936,
  maxConnections: 500,
  maxConnectionsPerIp: 16,
  handshakeTimeout: 10_000,
  publishTimeout: 15_000,
  firstMediaTimeout: 30_000,
  idleTimeout: 15_000,
  pingInterval: 5_000,
  maxUnsentBytes: 256 * 1024,
  maxViewerBytes: 8 * 1024 * 1024,
  limits: DEFAULT_RTMP_LIMITS,
  messagesPerTurn: 256,
  maxTurn: 5,
  maxMediaAhead: 10_000,
  reconnectGrace: 1_000,
  closeGrace: 500,
};
