// What the chunk stream carries, before anybody asks what it means: the common shape of chunk decoder and chunk encoder.

import type { Milliseconds } from '../units.js';

/** One message of the chunk stream (RTMP 1.0 6.1). */
export interface RawMessage {
  readonly chunkStreamId: number;
  /** u32 as on the wire, deltas added; it wraps (5.3.1.2, serial arithmetic of section 3). */
  readonly timestamp: Milliseconds;
  /** Message type id, see `MESSAGE_TYPE`; any 0-255. */
  readonly type: number;
  readonly messageStreamId: number;
  /** From the decoder: of exact size, its own memory. */
  readonly body: Buffer;
}
