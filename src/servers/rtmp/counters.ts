// The counters of the RTMP server: plain numbers, which the metrics page and tests read.

export interface RtmpCounters {
  /** Open at the moment. */
  connections: number;
  /** Accepted since the start. */
  connectionsAccepted: number;
  /** Closed at once because too many were open, in total and from one address. */
  refusedTotalLimit: number;
  refusedAddressLimit: number;
  /** Accept failed, most likely because no file descriptors were left. */
  acceptErrors: number;
  /** Publishing at the moment. */
  publishers: number;
  publishesAccepted: number;
  /** Accepted publishes that have ended. Equals the number of accepted ones when nobody publishes. */
  publishesEnded: number;
  /** Publish requests refused by access or by admission. */
  publishesRefused: number;
  /** Connections refused for wrong credentials, and connections that were asked for a user (authmod=adobe). */
  connectsRefused: number;
  authenticationRequests: number;
  /** Publishers that were asked to reconnect because the server stops (Enhanced RTMP). */
  reconnectRequests: number;
  /** Watching over RTMP at the moment. */
  viewers: number;
  playsAccepted: number;
  playsRefused: number;
  /** Messages dropped because viewers were too slow. Added when a viewer leaves or pauses. */
  viewerDroppedTags: number;
  /** TLS handshakes that failed. */
  tlsErrors: number;
  bytesReceived: number;
  bytesSent: number;
  /** Audio, video and script messages passed to streams. */
  mediaMessages: number;
  /** How often a socket was paused because the publisher was ahead of the clock. */
  pacingPauses: number;
  /** Connections ended by an error, by error code. */
  readonly closedByError: Map<string, number>;
}

export function createCounters(): RtmpCounters {
  return {
    connections: 0,
    connectionsAccepted: 0,
    refusedTotalLimit: 0,
    refusedAddressLimit: 0,
    acceptErrors: 0,
    publishers: 0,
    publishesAccepted: 0,
    publishesEnded: 0,
    publishesRefused: 0,
    connectsRefused: 0,
    authenticationRequests: 0,
    reconnectRequests: 0,
    viewers: 0,
    playsAccepted: 0,
    playsRefused: 0,
    viewerDroppedTags: 0,
    tlsErrors: 0,
    bytesReceived: 0,
    bytesSent: 0,
    mediaMessages: 0,
    pacingPauses: 0,
    closedByError: new Map(),
  };
}

export function countEnd({ closedByError }: RtmpCounters, code: string): void {
  closedByError.set(code, (closedByError.get(code) ?? 0) + 1);
}
