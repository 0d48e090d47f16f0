// Bounds on what a peer may send, each beside the sentence of the specification that it restricts. Section numbers are those of "Adobe's
// Real Time Messaging Protocol" 1.0 (2012).

import type { AmfLimits } from '../amf/budget.js';

/** 5.4.1: "The maximum chunk size defaults to 128 bytes". */
export const DEFAULT_CHUNK_SIZE = 128;

/**
 * 5.4.1: "should be at least 128 bytes, and MUST be at least 1 byte". No encoder uses less than 128, and a chunk size of 1 would cost a
 * header for every byte of a 10 MB message, so a smaller size closes the connection.
 */
export const MIN_CHUNK_SIZE = 128;

/** 5.4.1: "Valid sizes are 1 to 2147483647 (0x7FFFFFFF)"; the first bit "MUST be zero". */
export const MAX_ANNOUNCED_CHUNK_SIZE = 0x7fffffff;

/** 5.4.1: "however, all sizes greater than 16777215 (0xFFFFFF) are equivalent since no chunk is larger than one message". */
export const MAX_CHUNK_SIZE = 0xffffff;

/**
 * The chunk size announced to peers, in bytes. FFmpeg uses the same size for its own chunks, so a large one saves headers in both
 * directions.
 */
export const SERVER_CHUNK_SIZE = 65_536;

/** 5.3.1.2: a timestamp field of 0xFFFFFF says that "the extended timestamp field ... is present". */
export const EXTENDED_TIMESTAMP = 0xffffff;

/**
 * 5.4.4 leaves the window to the peers. An encoder that has never sent a window size still expects acknowledgements; this is the window
 * that Flash Media Server used, in bytes.
 */
export const DEFAULT_WINDOW_ACKNOWLEDGEMENT_SIZE = 2_500_000;

/**
 * In bytes. 5.4.3 asks for one acknowledgement per window. With a smaller window than this, acknowledgements would be larger than the data
 * that they acknowledge.
 */
export const MIN_ACKNOWLEDGEMENT_INTERVAL = 32;

/** 5.2.3: "The C1 and S1 packets are 1536 octets long". C2 and S2 are as long (5.2.4). */
export const HANDSHAKE_SIZE = 1536;

/** 5.2.2: "the version defined by this specification is 3". */
export const RTMP_VERSION = 3;

/** 5.2.2: "values 32-255 are not allowed (to allow distinguishing RTMP from text-based protocols ...)". */
export const FIRST_FORBIDDEN_VERSION = 32;

/**
 * Bounds on the memory and work that one connection may demand of the session. All hold from the handshake on, before and after a publish
 * is accepted.
 */
export interface RtmpLimits {
  /** 5.3.1.1: "chunk streams with IDs ranging from 3 to 65599"; encoders use fewer than ten. */
  readonly maxChunkStreams: number;
  /** 6.1.1: the message length has 3 octets, so a peer can announce 16 MB. A key frame of 80 Mbit/s video has about 10 MB. */
  readonly maxVideoMessageBytes: number;
  readonly maxAudioMessageBytes: number;
  /** For commands, data messages, shared objects and unknown message types. */
  readonly maxCommandMessageBytes: number;
  /** 5.4: protocol control messages have 4 or 5 bytes. */
  readonly maxControlBytes: number;
  /** 7.1.7: user control events have 6 to 10 bytes, but some encoders send longer ones of their own. */
  readonly maxUserControlBytes: number;
  /** Unfinished messages of all chunk streams together. Buffers grow with the bytes received, never with an announced length. */
  readonly maxPendingBytes: number;
  /** Message streams open at the same time: encoders use one, FMLE uses one for each bit rate. */
  readonly maxMessageStreams: number;
  /** Media kept between a publish command and its answer, in addition to the limits above; anything beyond is dropped. */
  readonly maxEarlyMediaBytes: number;
  /** Bounds on one AMF-encoded command or metadata message. Default: `DEFAULT_AMF_LIMITS`. */
  readonly amf?: AmfLimits;
}

export const DEFAULT_RTMP_LIMITS: RtmpLimits = {
  maxChunkStreams: 64,
  maxVideoMessageBytes: 10 * 1024 * 1024,
  maxAudioMessageBytes: 1024 * 1024,
  maxCommandMessageBytes: 256 * 1024,
  maxControlBytes: 16,
  maxUserControlBytes: 4096,
  maxPendingBytes: 16 * 1024 * 1024,
  maxMessageStreams: 8,
  maxEarlyMediaBytes: 2 * 1024 * 1024,
};
