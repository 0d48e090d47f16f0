// Parses rate, channels and block size in FLAC STREAMINFO. Encoders send it with or without the file headers around it.
import { BitReader } from '../bytes/bit-reader.js';
import { ByteWriter } from '../bytes/byte-writer.js';
import { mp4Error } from './errors.js';

/** RFC 9639 8.2. */
export interface FlacStreamInfo {
  /** PCM samples per channel in a block. */
  readonly minBlockSize: number;
  readonly maxBlockSize: number;
  readonly sampleRate: number;
  readonly channels: number;
  readonly bitsPerSample: number;
  /** The 34 bytes, as a view. */
  readonly bytes: Buffer;
}

const SIGNATURE = 'fLaC';
const BLOCK_HEADER_SIZE = 4;
const STREAMINFO_SIZE = 34;
/** RFC 9639 8.2: only the last block may be smaller. */
const MIN_BLOCK_SIZE = 16;

/**
 * @param header `fLaC` and metadata blocks, metadata blocks alone, or STREAMINFO alone
 * @throws mp4.audio-configuration
 */
export function parseFlacStreamInfo(header: Buffer): FlacStreamInfo {
  const at = header.toString('latin1', 0, SIGNATURE.length) === SIGNATURE ? SIGNATURE.length : 0;
  // The block header of STREAMINFO has type 0 (with or without the "last" flag). A bare STREAMINFO cannot look like one.
  const block = at + BLOCK_HEADER_SIZE <= header.length && (header.readUInt8(at) & 0x7f) === 0;
  const hasBlockHeader = block && header.readUIntBE(at + 1, 3) === STREAMINFO_SIZE;
  const start = at + (hasBlockHeader ? BLOCK_HEADER_SIZE : 0);
  const bytes = header.subarray(start, start + STREAMINFO_SIZE);
  if (bytes.length < STREAMINFO_SIZE) {
    throw mp4Error('mp4.audio-configuration', `got ${header.length} bytes without a FLAC STREAMINFO of 34`);
  }
  const bits = new BitReader(bytes);
  const minBlockSize = bits.bits(16);
  const maxBlockSize = bits.bits(16);
  bits.skip(48); // frame sizes
  const sampleRate = bits.bits(20);
  const channels = bits.bits(3) + 1;
  const bitsPerSample = bits.bits(5) + 1;
  if (sampleRate === 0 || minBlockSize < MIN_BLOCK_SIZE || maxBlockSize < minBlockSize || bitsPerSample < 4) {
    throw mp4Error(
      'mp4.audio-configuration',
      `got FLAC of ${sampleRate} Hz, blocks of ${minBlockSize}..${maxBlockSize}, ${bitsPerSample} bits`,
    );
  }
  return { minBlockSize, maxBlockSize, sampleRate, channels, bitsPerSample, bytes };
}

/** Encapsulation of FLAC in ISOBMFF 3.3.2: the content of dfLa, including version and flags. */
export function writeFlacSpecificBox(info: FlacStreamInfo): Buffer {
  return new ByteWriter(48).u32be(0).u8(0x80).u24be(STREAMINFO_SIZE).bytes(info.bytes).toBuffer();
}

/** PCM samples of a frame (RFC 9639 9.1.1); undefined if it does not begin like a FLAC frame. */
export function flacFrameSamples(frame: Buffer): number | undefined {
  if (frame.length < 6 || frame.readUInt16BE(0) >> 1 !== 0x7ffc) return undefined;
  const code = frame.readUInt8(2) >> 4;
  if (code === 0) return undefined;
  if (code === 1) return 192;
  if (code <= 5) return 144 << code;
  if (code >= 8) return 1 << code;
  // The block size follows the frame or sample number, which is coded like a UTF-8 character of up to 7 bytes.
  const ones = Math.clz32(~(frame.readUInt8(4) << 24));
  const at = 4 + (ones === 0 ? 1 : ones);
  const size = code - 5;
  return at + size <= frame.length ? frame.readUIntBE(at, size) + 1 : undefined;
}
