// Converts OpusHead, the header of an Ogg file, to the dOps box. RTMP encoders send OpusHead or nothing.
import { ByteWriter } from '../bytes/byte-writer.js';
import { mp4Error } from './errors.js';

/** RFC 7845 5.1. */
export interface OpusConfiguration {
  readonly channels: number;
  /** Samples at 48 kHz to drop at the start. */
  readonly preSkip: number;
  /** Sample rate of the encoder's input in Hz; informative only. */
  readonly inputSampleRate: number;
  /** In dB, as Q7.8 fixed point. */
  readonly outputGain: number;
  readonly mappingFamily: number;
  /** Stream count, coupled count and one byte per channel; empty for family 0. */
  readonly mapping: Buffer;
}

/** Opus is always decoded at this rate (RFC 7845 4). */
export const OPUS_SAMPLE_RATE = 48_000;
const MAGIC = 'OpusHead';
const FIXED_SIZE = 19;
/** Samples that libopus needs to converge at 48 kHz (RFC 7845 4.2 recommends 80 ms for seeking; encoders write 312 at the start). */
const DEFAULT_PRE_SKIP = 312;

/** @throws mp4.audio-configuration */
export function parseOpusHead(head: Buffer): OpusConfiguration {
  if (head.length < FIXED_SIZE || head.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw mp4Error('mp4.audio-configuration', `got ${head.length} bytes that are no OpusHead`);
  }
  // RFC 7845 5.1: the upper four bits are the major version; only 0 is compatible.
  const version = head.readUInt8(8);
  const channels = head.readUInt8(9);
  const mappingFamily = head.readUInt8(18);
  const mappingSize = mappingFamily === 0 ? 0 : 2 + channels;
  if (version >> 4 !== 0 || channels === 0 || (mappingFamily === 0 && channels > 2)) {
    throw mp4Error(
      'mp4.audio-configuration',
      `got OpusHead version ${version}, ${channels} channels, mapping family ${mappingFamily}`,
    );
  }
  if (head.length < FIXED_SIZE + mappingSize) {
    throw mp4Error(
      'mp4.audio-configuration',
      `got ${head.length} bytes of OpusHead, expected ${FIXED_SIZE + mappingSize}`,
    );
  }
  return {
    channels,
    preSkip: head.readUInt16LE(10),
    inputSampleRate: head.readUInt32LE(12),
    outputGain: head.readInt16LE(16),
    mappingFamily,
    mapping: head.subarray(FIXED_SIZE, FIXED_SIZE + mappingSize),
  };
}

/** For a stream without OpusHead (allowed by Enhanced RTMP v2): mono or stereo according to the first packet (RFC 6716 3.1). */
export function defaultOpusConfiguration(firstPacket: Buffer | undefined): OpusConfiguration {
  const stereo = firstPacket === undefined || ((firstPacket[0] ?? 0) & 0x04) !== 0;
  return {
    channels: stereo ? 2 : 1,
    preSkip: DEFAULT_PRE_SKIP,
    inputSampleRate: OPUS_SAMPLE_RATE,
    outputGain: 0,
    mappingFamily: 0,
    mapping: Buffer.alloc(0),
  };
}

/** Encapsulation of Opus in ISOBMFF 4.3.2: the content of dOps, big-endian. */
export function writeOpusSpecificBox(opus: OpusConfiguration): Buffer {
  return new ByteWriter(16)
    .u8(0)
    .u8(opus.channels)
    .u16be(opus.preSkip)
    .u32be(opus.inputSampleRate)
    .u16be(opus.outputGain & 0xffff)
    .u8(opus.mappingFamily)
    .bytes(opus.mapping)
    .toBuffer();
}

/** Samples at 48 kHz in one frame, by the configuration number in the TOC byte (RFC 6716 table 2). */
function samplesOfConfiguration(configuration: number): number {
  if (configuration < 12) return [480, 960, 1920, 2880][configuration % 4] ?? 960;
  if (configuration < 16) return configuration % 2 === 0 ? 480 : 960;
  return [120, 240, 480, 960][configuration % 4] ?? 960;
}

/** PCM samples at 48 kHz in one packet (RFC 6716 3.1); undefined for a truncated packet or one longer than 120 ms. */
export function opusPacketSamples(packet: Buffer): number | undefined {
  const toc = packet[0];
  if (toc === undefined) return undefined;
  const code = toc & 0x03;
  const frames = code === 0 ? 1 : code < 3 ? 2 : (packet[1] ?? 0) & 0x3f;
  const samples = frames * samplesOfConfiguration(toc >> 3);
  return samples > 0 && samples <= 5760 ? samples : undefined;
}
