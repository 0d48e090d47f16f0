// Reads from an init segment (ftyp+moov) what the playlists must announce about the track it opens.
import { ByteReader } from '../bytes/byte-reader.js';
import { type AudioSpecificConfig, parseAudioSpecificConfig } from './aac.js';
import { type AvcDecoderConfiguration, parseAvcDecoderConfigurationRecord } from './avc.js';
import { type Box, findBox, printable, readFullBoxHeader, requireBox, requireBytes, walkBoxes } from './boxes.js';
import { aacCodecString, avcCodecString } from './codec-string.js';
import { mp4Error } from './errors.js';
import type { SampleDefaults } from './movie-fragment.js';

export interface InitTrack extends SampleDefaults {
  readonly kind: 'video' | 'audio';
  /** Ticks per second of every time in the fragments. */
  readonly timescale: number;
  /** RFC 6381, for CODECS. */
  readonly codecs: string;
  /** Pixels of the sample entry; video only. */
  readonly width?: number;
  readonly height?: number;
  /** Hz and channels as they are played (with SBR and PS where signalled); audio only. */
  readonly sampleRate?: number;
  readonly channels?: number;
  /** PCM samples of one AAC frame in ticks of `timescale`, when the timescale is the core sample rate; audio only. */
  readonly frameDuration?: number;
  readonly avc?: AvcDecoderConfiguration;
  readonly aac?: AudioSpecificConfig;
}

/**
 * @param bytes ftyp and moov of a file with one track
 * @throws mp4.box-missing, mp4.box-size, mp4.box-content, mp4.unsupported-codec and the errors of avcC and AudioSpecificConfig
 */
export function parseInitSegment(bytes: Buffer): InitTrack {
  const moov = requireBox(bytes, 'moov');
  const trak = onlyTrack(moov);
  const trackId = parseTrackId(requireBox(trak, 'tkhd'));
  const mdia = requireBox(trak, 'mdia');
  const timescale = parseTimescale(requireBox(mdia, 'mdhd'));
  const defaults = parseTrackExtends(requireBox(moov, 'mvex'), trackId);
  const entry = firstSampleEntry(requireBox(mdia, 'minf', 'stbl', 'stsd'));
  switch (entry.type) {
    case 'avc1':
    case 'avc3':
      return { ...defaults, timescale, ...parseAvcSampleEntry(entry.body, entry.type) };
    case 'mp4a':
      return { ...defaults, timescale, ...parseMp4aSampleEntry(entry.body, timescale) };
    default:
      throw mp4Error('mp4.unsupported-codec', `got sample entry ${printable(entry.type)}, expected avc1, avc3 or mp4a`);
  }
}

function onlyTrack(moov: Buffer): Buffer {
  const tracks = [...walkBoxes(moov)].filter((box) => box.type === 'trak');
  const [track] = tracks;
  if (track === undefined) throw mp4Error('mp4.box-missing', 'no moov/trak box');
  if (tracks.length > 1)
    throw mp4Error('mp4.box-content', `got ${tracks.length} tracks, expected one per init segment`);
  return track.body;
}

/** ISO/IEC 14496-12 8.3.2: the times before the track ID are 32 or 64 bits wide. */
function parseTrackId(tkhd: Buffer): number {
  const { version } = readFullBoxHeader(tkhd, 'tkhd');
  const at = version === 1 ? 20 : 12;
  requireBytes(tkhd, at + 4, 'tkhd');
  return tkhd.readUInt32BE(at);
}

/** ISO/IEC 14496-12 8.4.2. */
function parseTimescale(mdhd: Buffer): number {
  const { version } = readFullBoxHeader(mdhd, 'mdhd');
  const at = version === 1 ? 20 : 12;
  requireBytes(mdhd, at + 4, 'mdhd');
  const timescale = mdhd.readUInt32BE(at);
  if (timescale === 0) throw mp4Error('mp4.box-content', 'got timescale 0, expected at least 1');
  return timescale;
}

/** ISO/IEC 14496-12 8.8.3. */
function parseTrackExtends(mvex: Buffer, trackId: number): SampleDefaults {
  for (const box of walkBoxes(mvex)) {
    if (box.type !== 'trex') continue;
    const fields = new ByteReader(box.body);
    fields.skip(4);
    if (fields.u32be() !== trackId) continue;
    fields.skip(4); // default_sample_description_index
    const defaultSampleDuration = fields.u32be();
    const defaultSampleSize = fields.u32be();
    return { trackId, defaultSampleDuration, defaultSampleSize, defaultSampleFlags: fields.u32be() };
  }
  throw mp4Error('mp4.box-missing', `no moov/mvex/trex box for track ${trackId}`);
}

function firstSampleEntry(stsd: Buffer): Box {
  requireBytes(stsd, 8, 'stsd');
  for (const entry of walkBoxes(stsd.subarray(8))) return entry;
  throw mp4Error('mp4.box-missing', 'no sample entry in stsd');
}

/** ISO/IEC 14496-12 12.1.3: VisualSampleEntry is 78 bytes before its boxes, width and height at 24. */
function parseAvcSampleEntry(body: Buffer, sampleEntry: 'avc1' | 'avc3') {
  requireBytes(body, 78, sampleEntry);
  const avc = parseAvcDecoderConfigurationRecord(requireBox(body.subarray(78), 'avcC'));
  return {
    kind: 'video' as const,
    codecs: avcCodecString(avc, sampleEntry),
    width: body.readUInt16BE(24),
    height: body.readUInt16BE(26),
    avc,
  };
}

/** ISO/IEC 14496-12 12.2.3: AudioSampleEntry is 28 bytes before its boxes; QuickTime's version 1 adds 16, version 2 adds 36. */
function parseMp4aSampleEntry(body: Buffer, timescale: number) {
  requireBytes(body, 28, 'mp4a');
  const quickTimeVersion = body.readUInt16BE(8);
  const extra = quickTimeVersion === 1 ? 16 : quickTimeVersion === 2 ? 36 : 0;
  requireBytes(body, 28 + extra, 'mp4a');
  const children = body.subarray(28 + extra);
  const esds = findBox(children, 'esds')?.body ?? requireBox(children, 'wave', 'esds');
  const aac = parseAudioSpecificConfig(findDecoderSpecificInfo(esds));
  return {
    kind: 'audio' as const,
    codecs: aacCodecString(aac),
    sampleRate: aac.outputSampleRate,
    channels: aac.outputChannels,
    // The timescale of a muxer that sees HE-AAC may be the output rate: the frame is then as many more ticks.
    frameDuration: Math.round((aac.samplesPerFrame * timescale) / aac.sampleRate),
    aac,
  };
}

/** ISO/IEC 14496-1 7.2.6: descriptor tags. */
const ES_DESCRIPTOR = 0x03;
const DECODER_CONFIG_DESCRIPTOR = 0x04;
const DECODER_SPECIFIC_INFO = 0x05;
/** ISO/IEC 14496-1 table 5: MPEG-4 AAC. */
const OBJECT_TYPE_AAC = 0x40;

/** ISO/IEC 14496-14 5.6: esds holds ES_Descriptor > DecoderConfigDescriptor > DecoderSpecificInfo. */
function findDecoderSpecificInfo(esds: Buffer): Buffer {
  const fields = new ByteReader(esds);
  fields.skip(4);
  openDescriptor(fields, ES_DESCRIPTOR);
  fields.skip(2); // ES_ID
  const flags = fields.u8();
  if ((flags & 0x80) !== 0) fields.skip(2); // dependsOn_ES_ID
  if ((flags & 0x40) !== 0) fields.skip(fields.u8()); // URL
  if ((flags & 0x20) !== 0) fields.skip(2); // OCR_ES_Id
  openDescriptor(fields, DECODER_CONFIG_DESCRIPTOR);
  const objectType = fields.u8();
  if (objectType !== OBJECT_TYPE_AAC) {
    throw mp4Error(
      'mp4.unsupported-codec',
      `got MPEG object type 0x${objectType.toString(16)} in mp4a, expected 0x40 (AAC)`,
    );
  }
  fields.skip(12); // stream type, buffer size, bitrates
  return fields.bytes(openDescriptor(fields, DECODER_SPECIFIC_INFO));
}

/** Reads tag and length (7 bits a byte, ISO/IEC 14496-1 8.3.3) and returns the length. */
function openDescriptor(fields: ByteReader, expected: number): number {
  const tag = fields.u8();
  if (tag !== expected) throw mp4Error('mp4.box-content', `got descriptor ${tag} in esds, expected ${expected}`);
  let length = 0;
  for (let count = 0; count < 4; count += 1) {
    const byte = fields.u8();
    length = length * 128 + (byte & 0x7f);
    if ((byte & 0x80) === 0) break;
  }
  return length;
}
