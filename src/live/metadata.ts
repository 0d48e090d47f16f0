// onMetaData is what the encoder believes about itself: good enough for a hint, never for a decision.
import { decodeAmf0 } from '../protocols/amf/amf0-decoder.js';
import { type AmfValue, amfProperties } from '../protocols/amf/values.js';
import type { BitsPerSecond } from '../protocols/units.js';

export interface MetadataHints {
  readonly width?: number;
  readonly height?: number;
  /** Frames per second. */
  readonly frameRate?: number;
  readonly videoBitrate?: BitsPerSecond;
  readonly audioBitrate?: BitsPerSecond;
  /** Hz. */
  readonly audioSampleRate?: number;
  readonly audioChannels?: number;
  /** The program and version of the encoder, as it says; printable, at most 64 characters. */
  readonly encoder?: string;
}

const ON_META_DATA = 'onMetaData';
/** AMF0 string marker, length, text: how every onMetaData body starts. */
const ON_META_DATA_PREFIX = Buffer.concat([Buffer.from([0x02, 0x00, ON_META_DATA.length]), Buffer.from(ON_META_DATA)]);
const MAX_DIMENSION = 65_535;
const MAX_FRAME_RATE = 1_000;
const MAX_KILOBITS = 10_000_000;

/** Whether a script body is onMetaData at all: other data messages (timecode, captions, cue points) carry no hints. */
export function isMetadata(body: Buffer): boolean {
  return body.subarray(0, ON_META_DATA_PREFIX.length).equals(ON_META_DATA_PREFIX);
}

/** Never throws: what cannot be read or cannot be true is left out. */
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
  return withoutUndefined({
    width: number('width', MAX_DIMENSION),
    height: number('height', MAX_DIMENSION),
    frameRate: number('framerate', MAX_FRAME_RATE) ?? number('videoframerate', MAX_FRAME_RATE),
    videoBitrate: kilobits('videodatarate'),
    audioBitrate: kilobits('audiodatarate'),
    audioSampleRate: number('audiosamplerate', 192_000),
    audioChannels: number('audiochannels', 64) ?? channelsOfStereoFlag(properties.get('stereo')),
    encoder: typeof encoder === 'string' ? encoder.replace(/[^\x20-\x7e]/g, '?').slice(0, 64) : undefined,
  });
}

function readProperties(body: Buffer): ReadonlyMap<string, AmfValue> | undefined {
  let values: readonly AmfValue[];
  try {
    values = decodeAmf0(body);
  } catch {
    return undefined;
  }
  for (const value of values) {
    const properties = amfProperties(value);
    if (properties !== undefined) return properties;
  }
  return undefined;
}

function channelsOfStereoFlag(stereo: AmfValue): number | undefined {
  return typeof stereo === 'boolean' ? (stereo ? 2 : 1) : undefined;
}

/** exactOptionalPropertyTypes: an absent hint is absent, not undefined. */
function withoutUndefined(hints: { readonly [K in keyof MetadataHints]: MetadataHints[K] | undefined }): MetadataHints {
  return Object.fromEntries(Object.entries(hints).filter(([, value]) => value !== undefined));
}
