// The structure of an FLV file, shared by reader and writer (FLV 10.1, annex E).
import type { Milliseconds } from '../units.js';

export type FlvTagType = 'audio' | 'video' | 'script';

export interface FlvTag {
  readonly type: FlvTagType;
  /** Decode time, 0..2^32 - 1. */
  readonly timestamp: Milliseconds;
  readonly body: Buffer;
}

/** E.4.1 TagType. */
export const FLV_TAG_NUMBERS: Readonly<Record<FlvTagType, number>> = { audio: 8, video: 9, script: 18 };

/** E.2: signature, version, flags and the header's own size; PreviousTagSize0 follows. */
export const FLV_HEADER_SIZE = 9;
export const FLV_TAG_HEADER_SIZE = 11;
export const FLV_PREVIOUS_TAG_SIZE = 4;
/** E.4.1 DataSize has 24 bits. */
export const FLV_MAX_BODY_SIZE = 0xff_ffff;
