// All limits and deadlines of the RTMP server, each with the reason for its value.

import { DEFAULT_RTMP_LIMITS, type RtmpLimits } from '../../protocols/rtmp/limits.js';
import type { Milliseconds } from '../../protocols/units.js';

export interface RtmpServerOptions {
  /** Address to listen on. */
  readonly host: string;
  /** TCP port; 0 picks a free one. */
  readonly port: number;
  /** TCP port for RTMP over TLS, if the server has a certificate; 0 picks a free one. */
  readonly tlsPort: number;
  /** Addresses and CIDR blocks of proxies that begin each connection with a PROXY protocol header. */
  readonly proxies: readonly string[];
  /** Maximum number of open connections; a further one is closed at once. */
  readonly maxConnections: number;
  /** The same limit per IP address. */
  readonly maxConnectionsPerIp: number;
  /** From accept to the last byte of the handshake, including that of TLS. */
  readonly handshakeTimeout: Milliseconds;
  /** From the end of the handshake to a publish or play request. Also the limit for the decision about that request. */
  readonly publishTimeout: Milliseconds;
  /** From an accepted publish to its first audio or video message. */
  readonly firstMediaTimeout: Milliseconds;
  /** A peer that has sent no byte for this long is gone; even a still picture needs some bytes. */
  readonly idleTimeout: Milliseconds;
  /** A peer that has sent nothing for this long is sent a ping. Missing answers never end a peer that sends media. */
  readonly pingInterval: Milliseconds;
  /** Limit of unsent bytes for a peer that does not read; beyond it the connection is closed. */
  readonly maxUnsentBytes: number;
  /**
   * Limit of the media queued for one viewer, in bytes, in addition to its socket. Beyond it the viewer continues at the next key frame.
   */
  readonly maxViewerBytes: number;
  /** Limits on the memory and the work of a session. */
  readonly limits: RtmpLimits;
  /** Messages handled before the event loop continues: a flood of tiny messages must not delay other connections. */
  readonly messagesPerTurn: number;
  /** The same limit as a time, for messages that produce no events. */
  readonly maxTurn: Milliseconds;
  /** Media time by which a publisher may be ahead of the clock before its socket is paused to real time. */
  readonly maxMediaAhead: Milliseconds;
  /** Time for a publisher that was asked to reconnect because the server is stopping. */
  readonly reconnectGrace: Milliseconds;
  /** From our last message until the socket is destroyed, for a peer that does not read or does not hang up. */
  readonly closeGrace: Milliseconds;
}

export const DEFAULT_RTMP_SERVER_OPTIONS: RtmpServerOptions = {
  host: '0.0.0.0',
  port: 1935,
  tlsPort: 1936,
  proxies: [],
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
