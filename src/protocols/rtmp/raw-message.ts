// A message as the chunk stream carries it, not yet interpreted: the common type of chunk decoder and chunk encoder.

import type { Milliseconds } from '../units.js';

/** One message of the chunk stream (RTMP 1.0 6.1). */
export interface RawMessage {
  readonly chunkStreamId: number;
  /** u32 as on the wire, with deltas added. It wraps (5.3.1.2; serial arithmetic, section 3). */
  readonly timestamp: Milliseconds;
  /** Message type id, see `MESSAGE_TYPE`; any value from 0 to 255. */
  readonly type: number;
  readonly messageStreamId: number;
  /** When it comes from the decoder: a buffer of exactly this message, not shared. */
  readonly body: Buffer;
}
