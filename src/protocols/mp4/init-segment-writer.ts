// Writes the init segment (ftyp and moov) of a track that the gateway itself packages.
import { ByteWriter } from '../bytes/byte-writer.js';
import type { AudioDescription } from './audio-description.js';
import { box, fullBox } from './box-writer.js';
import type { ColorDescription } from './color.js';
import { mp4Error } from './errors.js';
import { writeAudioSampleEntry, writeVideoSampleEntry } from './sample-entry-writer.js';
import type { VideoDescription } from './video-description.js';

export interface TrackToOpen {
  /** 1 or more. */
  readonly trackId: number;
  /** Ticks per second of all times in the fragments, 1..2^32 - 1. */
  readonly timescale: number;
  readonly description: VideoDescription | AudioDescription;
  /** Colours from the encoder's metadata; if absent, those of the description are written. Video only. */
  readonly color?: ColorDescription | undefined;
}

const MAX_U32 = 0xffff_ffff;
/** The unity matrix of mvhd and tkhd (ISO/IEC 14496-12 8.2.2). */
const MATRIX = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000] as const;
/** ISO 639-2/T "und" in three times five bits. */
const LANGUAGE_UNDETERMINED = 0x55c4;
/** track_enabled | track_in_movie */
const TRACK_FLAGS = 0x3;
/** dref flag: the media is in the same file. */
const SELF_CONTAINED = 0x1;

/**
 * One track without samples or edit list, so that times in fragments are times on the timeline (ISO/IEC 23000-19 7.3). Equal input gives
 * equal bytes.
 * @throws mp4.track-description
 */
export function writeInitSegment(track: TrackToOpen): Buffer {
  const { trackId, timescale } = track;
  if (!Number.isInteger(trackId) || trackId < 1 || trackId >= MAX_U32) {
    throw mp4Error('mp4.track-description', `got track ID ${trackId}, expected 1..${MAX_U32 - 1}`);
  }
  if (!Number.isInteger(timescale) || timescale < 1 || timescale > MAX_U32) {
    throw mp4Error('mp4.track-description', `got timescale ${timescale}, expected 1..${MAX_U32}`);
  }
  const moov = box('moov', writeMvhd(trackId), writeTrak(track), box('mvex', writeTrex(trackId)));
  return Buffer.concat([writeFtyp(track.description), moov]);
}

/** `iso6` for default-base-is-moof and signed composition offsets, `cmfc` for CMAF, and the brand of the codec if it has one. */
function writeFtyp({ codec }: TrackToOpen['description']): Buffer {
  const brands = ['iso6', 'cmfc', 'mp41', ...(codec === 'av1' ? ['av01'] : [])];
  const out = new ByteWriter(32).utf8('iso6').u32be(0);
  for (const brand of brands) out.utf8(brand);
  return box('ftyp', out.toBuffer());
}

function writeMvhd(trackId: number): Buffer {
  const fields = new ByteWriter(96)
    .bytes(Buffer.alloc(8)) // creation and modification time: none, so that equal tracks give equal bytes
    .u32be(1000)
    .u32be(0) // duration: in the fragments
    .u32be(0x1_0000) // rate 1.0
    .u16be(0x100) // volume 1.0
    .bytes(Buffer.alloc(10));
  return fullBox(
    'mvhd',
    0,
    0,
    writeMatrix(fields)
      .bytes(Buffer.alloc(24))
      .u32be(trackId + 1)
      .toBuffer(),
  );
}

function writeMatrix(out: ByteWriter): ByteWriter {
  for (const value of MATRIX) out.u32be(value);
  return out;
}

function writeTrak({ trackId, timescale, description, color }: TrackToOpen): Buffer {
  const video = isVideo(description);
  const header = video ? fullBox('vmhd', 0, 1, Buffer.alloc(8)) : fullBox('smhd', 0, 0, Buffer.alloc(4));
  const entry = video
    ? writeVideoSampleEntry(description, color ?? description.color)
    : writeAudioSampleEntry(description);
  const dref = fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, SELF_CONTAINED));
  const stbl = box(
    'stbl',
    fullBox('stsd', 0, 0, u32(1), entry),
    fullBox('stts', 0, 0, u32(0)),
    fullBox('stsc', 0, 0, u32(0)),
    fullBox('stsz', 0, 0, u32(0), u32(0)),
    fullBox('stco', 0, 0, u32(0)),
  );
  const mdhd = new ByteWriter(20)
    .bytes(Buffer.alloc(8))
    .u32be(timescale)
    .u32be(0)
    .u16be(LANGUAGE_UNDETERMINED)
    .u16be(0)
    .toBuffer();
  const minf = box('minf', header, box('dinf', dref), stbl);
  const mdia = box('mdia', fullBox('mdhd', 0, 0, mdhd), writeHdlr(video), minf);
  return box('trak', writeTkhd(trackId, description), mdia);
}

function writeTkhd(trackId: number, description: TrackToOpen['description']): Buffer {
  const video = isVideo(description);
  const { width = 0, height = 0, sarNum = 1, sarDen = 1 } = video ? description : {};
  const fields = new ByteWriter(80)
    .bytes(Buffer.alloc(8))
    .u32be(trackId)
    .u32be(0)
    .u32be(0) // duration
    .bytes(Buffer.alloc(12)) // reserved, layer, alternate group
    .u16be(video ? 0 : 0x100) // volume
    .u16be(0);
  // Display size: width stretched by the sample aspect ratio, 16.16 fixed point.
  const shown = Math.min(0xffff, (width * sarNum) / sarDen);
  writeMatrix(fields)
    .u32be(Math.round(shown * 0x1_0000))
    .u32be(height * 0x1_0000);
  return fullBox('tkhd', 0, TRACK_FLAGS, fields.toBuffer());
}

function writeHdlr(video: boolean): Buffer {
  const fields = new ByteWriter(40)
    .u32be(0)
    .utf8(video ? 'vide' : 'soun')
    .bytes(Buffer.alloc(12))
    .utf8(video ? 'video\0' : 'audio\0');
  return fullBox('hdlr', 0, 0, fields.toBuffer());
}

/** All defaults are 0. Fragments contain every value, so that they work with any init segment of their codec. */
function writeTrex(trackId: number): Buffer {
  return fullBox('trex', 0, 0, u32(trackId), u32(1), u32(0), u32(0), u32(0));
}

function u32(value: number): Buffer {
  return new ByteWriter(4).u32be(value).toBuffer();
}

function isVideo(description: TrackToOpen['description']): description is VideoDescription {
  return 'sarNum' in description;
}
