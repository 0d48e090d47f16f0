// Reads the properties of a track that playlists must announce, from its init segment (ftyp+moov).
import { ByteReader } from '../bytes/byte-reader.js';
import { type Box, readFullBoxHeader, requireBox, requireBytes, walkBoxes } from './boxes.js';
import { mp4Error } from './errors.js';
import type { SampleDefaults } from './movie-fragment.js';
import { parseSampleEntry, type SampleEntry } from './sample-entry-reader.js';

export interface InitTrack extends SampleDefaults, SampleEntry {
  /** Ticks per second of all times in the fragments. */
  readonly timescale: number;
}

/**
 * @param bytes ftyp and moov of a file with one track
 * @throws mp4.box-missing, mp4.box-size, mp4.box-content, mp4.unsupported-codec, bytes.truncated, and the errors of the
 *   configuration records
 */
export function parseInitSegment(bytes: Buffer): InitTrack {
  const moov = requireBox(bytes, 'moov');
  const trak = onlyTrack(moov);
  const trackId = parseTrackId(requireBox(trak, 'tkhd'));
  const mdia = requireBox(trak, 'mdia');
  const timescale = parseTimescale(requireBox(mdia, 'mdhd'));
  const defaults = parseTrackExtends(requireBox(moov, 'mvex'), trackId);
  const entry = firstSampleEntry(requireBox(mdia, 'minf', 'stbl', 'stsd'));
  return { ...defaults, timescale, ...parseSampleEntry(entry, timescale) };
}

function onlyTrack(moov: Buffer): Buffer {
  const tracks = [...walkBoxes(moov)].filter((box) => box.type === 'trak');
  const [track] = tracks;
  if (track === undefined) throw mp4Error('mp4.box-missing', 'no moov/trak box');
  if (tracks.length > 1)
    throw mp4Error('mp4.box-content', `got ${tracks.length} tracks, expected one per init segment`);
  return track.body;
}

/** ISO/IEC 14496-12 8.3.2: the times before the track ID have 32 or 64 bits. */
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
