// Splits AAC frames from their ADTS headers. Encoders made for MPEG-TS send them; MP4 and FLV need bare frames and one AudioSpecificConfig.
import { BitReader } from '../bytes/bit-reader.js';
import { SluiceError } from '../errors.js';
import { copyProgramConfig } from './program-config.js';

/** ISO/IEC 13818-7 6.2: sizes of the fixed and variable header together, and of the optional CRC after them. */
const HEADER_SIZE = 7;
const CRC_SIZE = 2;
/** ISO/IEC 14496-3 4.5.2.1: id_syn_ele of a program config element. */
const ELEMENT_PROGRAM_CONFIG = 5;
const RESERVED_SAMPLE_RATE_INDEX = 13;

export interface AdtsFrame {
  /** The content of the header as an AudioSpecificConfig: all that a decoder needs beside the frames. */
  readonly config: AdtsConfig;
  /** The raw_data_block, as a view. */
  readonly data: Buffer;
}

export interface AdtsConfig {
  /** profile_ObjectType + 1: the MPEG-4 audio object type. */
  readonly objectType: number;
  readonly sampleRateIndex: number;
  /** 0: a program config element in the frame defines the channels. */
  readonly channelConfiguration: number;
}

/** Checks for twelve one bits and layer 0. No bare AAC frame begins like this, because the element id 111 ends a frame (ID_END). */
export function beginsWithAdts(data: Uint8Array): boolean {
  return data[0] === 0xff && ((data[1] ?? 0) & 0xf6) === 0xf0;
}

/** @returns undefined if the bytes are not an ADTS header, or have reserved values */
export function readAdtsConfig(data: Uint8Array): AdtsConfig | undefined {
  const [, , third = 0, fourth] = data;
  if (!beginsWithAdts(data) || fourth === undefined) return undefined;
  const sampleRateIndex = (third >> 2) & 0x0f;
  if (sampleRateIndex >= RESERVED_SAMPLE_RATE_INDEX) return undefined;
  const channelConfiguration = ((third & 1) << 2) | (fourth >> 6);
  return { objectType: (third >> 6) + 1, sampleRateIndex, channelConfiguration };
}

/** The size of a frame with its header in bytes, at most 8191; undefined while the header is incomplete. */
export function adtsFrameSize(data: Buffer): number | undefined {
  return data.length < HEADER_SIZE ? undefined : (data.readUIntBE(3, 3) >> 5) & 0x1fff;
}

/**
 * The frames of one message, each preceded by its header. An incomplete frame at the end is dropped.
 * @returns undefined if the message does not begin with a header and a complete frame
 */
export function splitAdts(message: Buffer): AdtsFrame[] | undefined {
  const frames: AdtsFrame[] = [];
  let at = 0;
  while (at + HEADER_SIZE < message.length) {
    const head = message.subarray(at, at + HEADER_SIZE);
    const config = readAdtsConfig(head);
    if (config === undefined) break;
    const protectionAbsent = (head.readUInt8(1) & 1) === 1;
    const size = (head.readUIntBE(3, 3) >> 5) & 0x1fff;
    const headSize = HEADER_SIZE + (protectionAbsent ? 0 : CRC_SIZE);
    if (size <= headSize || at + size > message.length) break;
    frames.push({ config, data: message.subarray(at + headSize, at + size) });
    at += size;
  }
  return frames.length === 0 ? undefined : frames;
}

/**
 * The AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1) for frames with such headers.
 * @param frame the raw_data_block of the first frame; with channel configuration 0 it begins with a program config element
 * @returns undefined if the channels are defined nowhere
 */
export function adtsAudioSpecificConfig(config: AdtsConfig, frame: Buffer | undefined): Buffer | undefined {
  const { objectType, sampleRateIndex, channelConfiguration } = config;
  const fixed = Buffer.alloc(2);
  fixed.writeUInt16BE((objectType << 11) | (sampleRateIndex << 7) | (channelConfiguration << 3));
  if (channelConfiguration !== 0) return fixed;
  if (frame === undefined) return undefined;
  try {
    const bits = new BitReader(frame);
    if (bits.bits(3) !== ELEMENT_PROGRAM_CONFIG) return undefined;
    return Buffer.concat([fixed, copyProgramConfig(bits)]);
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    return undefined;
  }
}
