// Converts the configuration to options of the RTMP server and of its streams: seconds to milliseconds.
import type { Config } from '../config/schema.js';
import type { StreamRegistryOptions } from '../live/registry.js';
import { DEFAULT_RTMP_LIMITS } from '../protocols/rtmp/limits.js';
import type { RtmpServerOptions } from '../servers/rtmp/options.js';

export function registryOptions(config: Config): Omit<StreamRegistryOptions, 'clock'> {
  return {
    maxStreams: config.maxStreams,
    conflict: config.publishConflict,
    takeoverAfter: config.takeoverAfter * 1000,
    limits: { maxDataRate: config.maxDataRate },
  };
}

export function rtmpOptions(config: Config): Partial<RtmpServerOptions> {
  return {
    host: config.host,
    port: config.rtmpPort,
    ...(config.rtmpsPort !== undefined && { tlsPort: config.rtmpsPort }),
    proxies: config.rtmpProxyProtocol === 'on' ? config.trustedProxies : [],
    maxConnections: config.maxConnections,
    maxConnectionsPerIp: config.maxConnectionsPerIp,
    idleTimeout: config.idleTimeout * 1000,
    pingInterval: config.pingInterval * 1000,
    handshakeTimeout: config.handshakeTimeout * 1000,
    publishTimeout: config.publishTimeout * 1000,
    firstMediaTimeout: config.firstMediaTimeout * 1000,
    maxMediaAhead: config.maxMediaAhead * 1000,
    maxUnsentBytes: config.maxUnsentBytes,
    maxViewerBytes: config.maxViewerBytes,
    messagesPerTurn: config.messagesPerTurn,
    limits: {
      ...DEFAULT_RTMP_LIMITS,
      maxChunkStreams: config.maxChunkStreams,
      maxMessageStreams: config.maxMessageStreams,
      maxVideoMessageBytes: config.maxVideoMessageBytes,
      maxAudioMessageBytes: config.maxAudioMessageBytes,
      maxCommandMessageBytes: config.maxCommandMessageBytes,
      maxPendingBytes: config.maxPendingBytes,
      maxEarlyMediaBytes: config.maxEarlyMediaBytes,
    },
  };
}
