// What one chunk stream remembers for later headers that omit fields. The object always has the same shape, which keeps it fast in V8.

const NOTHING = Buffer.alloc(0);

/** Receiving state of one chunk stream id (RTMP 1.0 5.3.1). */
export class ChunkStreamState {
  readonly id: number;
  /**
   * The single byte that is the whole header of most chunks: type 3 with this id. -1 for ids whose basic header takes more than one byte
   * (5.3.1.1).
   */
  readonly continuation: number;
  /** False until the first header, which must be of type 0 or 1. */
  known = false;
  /** u32. Timestamp of the message being received, or of the last one. */
  timestamp = 0;
  /** u32. Added to the timestamp by a type 3 chunk that starts a message; 0 after a type 0 chunk. */
  delta = 0;
  /** True if the last header of type 0, 1 or 2 had an extended timestamp; then type 3 chunks have one too. */
  extended = false;
  /** Value of that field: a timestamp after type 0, a delta after types 1 and 2. */
  extendedValue = 0;
  extendedIsAbsolute = false;
  messageLength = 0;
  messageType = 0;
  messageStreamId = 0;
  /** True between the first and the last chunk of a message. */
  receiving = false;
  received = 0;
  /** Grows up to `messageLength` bytes; once complete, it is the body of the message. */
  body: Buffer = NOTHING;

  constructor(id: number) {
    this.id = id;
    this.continuation = id < 64 ? 0xc0 | id : -1;
  }

  /** Returns the finished body. Afterwards this object holds no memory of the message. */
  takeBody(): Buffer {
    const body = this.body;
    this.body = NOTHING;
    this.received = 0;
    this.receiving = false;
    return body;
  }
}
