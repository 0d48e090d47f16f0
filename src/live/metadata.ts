// Reads onMetaData, in which the encoder describes itself: good enough for a hint, never for a decision.
import { decodeAmf0 } from '../protocols/amf/amf0-decoder.js';
import { encodeAmf0 } from '../protocols/amf/amf0-encoder.js';
import { AmfEcmaArray, AmfObject, type AmfValue, amfProperties } from '../protocols/amf/values.js';
import type { BitsPerSecond } from '../protocols/units.js';

export interface MetadataHints {
  readonly width?: number;
  readonly height?: number;
  /** Frames per second. */
  readonly frameRate?: number;
  readonly videoBitrate?: BitsPerSecond;
  readonly audioBitrate?: BitsPerSecond;
  /** Present if the metadata names a video codec. */
  readonly announcesVideo?: true;
  /** Hz. */
  readonly audioSampleRate?: number;
  readonly audioChannels?: number;
  /** Program and version of the encoder, as it claims; printable, at most 64 characters. */
  readonly encoder?: string;
}

const ON_META_DATA = 'onMetaData';
/** AMF0 string marker, length, text: the beginning of every onMetaData body. */
const ON_META_DATA_PREFIX = Buffer.concat([Buffer.from([0x02, 0x00, ON_META_DATA.length]), Buffer.from(ON_META_DATA)]);
/**
 * Properties that describe a file read by the encoder. A live stream has neither, and players that believe them think that the stream is
 * truncated.
 */
const FILE_PROPERTIES = ['duration', 'filesize'] as const;
const MAX_DIMENSION = 65_535;
const MAX_FRAME_RATE = 1_000;
const MAX_KILOBITS = 10_000_000;

/** Whether a script body is onMetaData; other data messages (timecode, captions, cue points) contain no hints. */
export function isMetadata(body: Buffer): boolean {
  return body.subarray(0, ON_META_DATA_PREFIX.length).equals(ON_META_DATA_PREFIX);
}

/** The onMetaData body without the properties that belong to files. Never throws. */
export function liveMetadata(body: Buffer): Buffer {
  const values = decode(body);
  let changed = false;
  for (const value of values) {
    if (!(value instanceof AmfObject || value instanceof AmfEcmaArray)) continue;
    for (const property of FILE_PROPERTIES) changed = value.delete(property) || changed;
  }
  if (!changed) return body;
  try {
    return encodeAmf0(values);
  } catch {
    // A key that is not valid UTF-8 grows when it is encoded again, perhaps beyond the AMF0 limit.
    return body;
  }
}

/** Never throws: values that cannot be read or are implausible are omitted. */
export function readMetadataHints(body: Buffer): MetadataHints {
  const properties = readProperties(body);
  if (properties === undefined) return {};
  const number = (key: string, max: number): number | undefined => {
    const value = properties.get(key);
    return typeof value === 'number' && value > 0 && value <= max ? value : undefined;
  };
  const kilobits = (key: string): number | undefined => {
    const value = number(key, MAX_KILOBITS);
    return value === undefined ? undefined : Math.round(value * 1000);
  };
  const encoder = properties.get('encoder');
  const codec = properties.get('videocodecid');
  // Relays that always write this property write 0 if there is no video.
  const announcesVideo = (typeof codec === 'number' && codec > 0) || (typeof codec === 'string' && codec !== '');
  return withoutUndefined({
    width: number('width', MAX_DIMENSION),
    height: number('height', MAX_DIMENSION),
    frameRate: number('framerate', MAX_FRAME_RATE) ?? number('videoframerate', MAX_FRAME_RATE),
    videoBitrate: kilobits('videodatarate'),
    audioBitrate: kilobits('audiodatarate'),
    announcesVideo: announcesVideo ? true : undefined,
    audioSampleRate: number('audiosamplerate', 192_000),
    audioChannels: number('audiochannels', 64) ?? channelsOfStereoFlag(properties.get('stereo')),
    encoder: typeof encoder === 'string' ? encoder.replace(/[^\x20-\x7e]/g, '?').slice(0, 64) : undefined,
  });
}

function readProperties(body: Buffer): ReadonlyMap<string, AmfValue> | undefined {
  for (const value of decode(body)) {
    const properties = amfProperties(value);
    if (properties !== undefined) return properties;
  }
  return undefined;
}

/** Returns an empty list if the body is not AMF0: metadata decides nothing, so broken metadata is no reason to refuse a publisher. */
function decode(body: Buffer): readonly AmfValue[] {
  try {
    return decodeAmf0(body);
  } catch {
    return [];
  }
}

function channelsOfStereoFlag(stereo: AmfValue): number | undefined {
  return typeof stereo === 'boolean' ? (stereo ? 2 : 1) : undefined;
}

/** exactOptionalPropertyTypes: an absent hint must be absent, not undefined. */
function withoutUndefined(hints: { readonly [K in keyof MetadataHints]: MetadataHints[K] | undefined }): MetadataHints {
  return Object.fromEntries(Object.entries(hints).filter(([, value]) => value !== undefined));
}
