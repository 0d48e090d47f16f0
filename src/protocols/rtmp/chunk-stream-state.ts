// Chunk headers lean on the headers before them; this is what one chunk stream remembers, kept in one shape for speed.

const NOTHING = Buffer.alloc(0);

/** Receiving state of one chunk stream id (RTMP 1.0 5.3.1). */
export class ChunkStreamState {
  readonly id: number;
  /** The one byte that is the header of most chunks: type 3 of this id. -1 for an id that needs more bytes (5.3.1.1). */
  readonly continuation: number;
  /** False until a first header, which must be of type 0 or 1. */
  known = false;
  /** u32, of the message being received or received last. */
  timestamp = 0;
  /** u32 added by a type 3 chunk that starts a message; 0 after a type 0 chunk. */
  delta = 0;
  /** True when the last header of type 0, 1 or 2 had an extended timestamp: then type 3 chunks have one as well. */
  extended = false;
  /** What that field said: a timestamp after type 0, a delta after types 1 and 2. */
  extendedValue = 0;
  extendedIsAbsolute = false;
  messageLength = 0;
  messageType = 0;
  messageStreamId = 0;
  /** True between the first and the last chunk of a message. */
  receiving = false;
  received = 0;
  /** Grows up to `messageLength`; at the end it is the message's body. */
  body: Buffer = NOTHING;

  constructor(id: number) {
    this.id = id;
    this.continuation = id < 64 ? 0xc0 | id : -1;
  }

  /** The finished body; afterwards this object holds no memory of the message. */
  takeBody(): Buffer {
    const body = this.body;
    this.body = NOTHING;
    this.received = 0;
    this.receiving = false;
    return body;
  }
}
