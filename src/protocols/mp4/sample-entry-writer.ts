// Writes sample entries, which tell a player which decoder to open, for each codec that the gateway packages itself.
import { ByteWriter } from '../bytes/byte-writer.js';
import type { AudioDescription, DescribedAudioCodec } from './audio-description.js';
import { box, fullBox } from './box-writer.js';
import type { ColorDescription } from './color.js';
import { mp4Error } from './errors.js';
import { OBJECT_TYPE_AAC, OBJECT_TYPE_MPEG1_AUDIO, OBJECT_TYPE_MPEG2_AUDIO, writeEsds } from './esds.js';
import type { DescribedVideoCodec, VideoDescription } from './video-description.js';

const VIDEO_ENTRIES: Readonly<Record<DescribedVideoCodec, readonly [entry: string, configuration: string]>> = {
  avc: ['avc1', 'avcC'],
  hevc: ['hvc1', 'hvcC'],
  av1: ['av01', 'av1C'],
  vp9: ['vp09', 'vpcC'],
};
const AUDIO_ENTRIES: Readonly<Record<DescribedAudioCodec, readonly [entry: string, configuration: string]>> = {
  aac: ['mp4a', 'esds'],
  mp3: ['mp4a', 'esds'],
  opus: ['Opus', 'dOps'],
  flac: ['fLaC', 'dfLa'],
  'ac-3': ['ac-3', 'dac3'],
  'e-ac-3': ['ec-3', 'dec3'],
};

/** 72 dpi as 16.16 fixed point, and "colour, no alpha": constants in every VisualSampleEntry. */
const RESOLUTION = 0x0048_0000;
const DEPTH = 0x18;
const COMPRESSOR_NAME_SIZE = 32;
/** Width and height have 16 bits in a sample entry. */
const MAX_ENTRY_SIDE = 0xffff;
/** The sample rate of a sample entry is a 16.16 fixed-point number. */
const MAX_ENTRY_SAMPLE_RATE = 0xffff;
const MAX_MPEG2_SAMPLE_RATE = 24_000;

/**
 * ISO/IEC 14496-12 12.1.3, with colr (12.1.5) and pasp (12.1.4) if they are known.
 * @throws mp4.track-description if the picture size is unknown or too large
 */
export function writeVideoSampleEntry(description: VideoDescription, color: ColorDescription | undefined): Buffer {
  const { codec, width, height, sarNum, sarDen, record } = description;
  if (width === undefined || height === undefined) {
    throw mp4Error('mp4.track-description', `got ${codec} video of unknown size: describe it with its first key frame`);
  }
  if (width > MAX_ENTRY_SIDE || height > MAX_ENTRY_SIDE) {
    throw mp4Error(
      'mp4.track-description',
      `got a picture of ${width}x${height}, expected at most ${MAX_ENTRY_SIDE} a side`,
    );
  }
  const [entry, type] = VIDEO_ENTRIES[codec];
  const fields = new ByteWriter(78)
    .bytes(sampleEntryHead())
    .bytes(Buffer.alloc(16))
    .u16be(width)
    .u16be(height)
    .u32be(RESOLUTION)
    .u32be(RESOLUTION)
    .u32be(0)
    .u16be(1) // frame_count
    .bytes(Buffer.alloc(COMPRESSOR_NAME_SIZE))
    .u16be(DEPTH)
    .i16be(-1)
    .toBuffer();
  const boxes = [codec === 'vp9' ? fullBox(type, 1, 0, record) : box(type, record)];
  if (color !== undefined) boxes.push(writeColr(color));
  if (sarNum !== sarDen) boxes.push(box('pasp', new ByteWriter(8).u32be(sarNum).u32be(sarDen).toBuffer()));
  return box(entry, fields, ...boxes);
}

function writeColr({ primaries, transfer, matrix, fullRange }: ColorDescription): Buffer {
  const fields = new ByteWriter(11).utf8('nclx').u16be(primaries).u16be(transfer).u16be(matrix);
  return box('colr', fields.u8(fullRange ? 0x80 : 0).toBuffer());
}

/** ISO/IEC 14496-12 12.2.3. @throws mp4.track-description */
export function writeAudioSampleEntry(description: AudioDescription): Buffer {
  const { codec, channels, sampleRate } = description;
  const [entry, type] = AUDIO_ENTRIES[codec];
  // FLAC in ISOBMFF 3.3.1: a rate that does not fit is halved until it fits. The codec's own box contains the real rate.
  let entryRate = sampleRate;
  while (entryRate > MAX_ENTRY_SAMPLE_RATE) entryRate = Math.floor(entryRate / 2);
  const fields = new ByteWriter(28)
    .bytes(sampleEntryHead())
    .bytes(Buffer.alloc(8))
    .u16be(channels)
    .u16be(codec === 'flac' ? (description.bitDepth ?? 16) : 16)
    .u32be(0)
    .u16be(entryRate)
    .u16be(0)
    .toBuffer();
  return box(entry, fields, configurationBox(description, type));
}

function configurationBox(description: AudioDescription, type: string): Buffer {
  const { codec, record, sampleRate } = description;
  if (codec === 'aac') {
    return fullBox(type, 0, 0, writeEsds({ objectType: OBJECT_TYPE_AAC, specificInfo: record }));
  }
  if (codec !== 'mp3') return box(type, record);
  const objectType = sampleRate <= MAX_MPEG2_SAMPLE_RATE ? OBJECT_TYPE_MPEG2_AUDIO : OBJECT_TYPE_MPEG1_AUDIO;
  return fullBox(type, 0, 0, writeEsds({ objectType, specificInfo: record }));
}

/** ISO/IEC 14496-12 8.5.2.2: reserved bytes and data_reference_index 1. */
function sampleEntryHead(): Buffer {
  return Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]);
}
