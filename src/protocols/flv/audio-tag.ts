// Parses the header of an audio message, legacy or Enhanced RTMP, without copying.
import { type AudioCodec, audioCodecOfFourCc, LEGACY_AUDIO_CODECS } from './codecs.js';
import {
  type EnhancedPayload,
  PACKET_CODED_FRAMES,
  PACKET_MULTITRACK_AUDIO,
  PACKET_SEQUENCE_END,
  PACKET_SEQUENCE_START,
  readEnhancedPayload,
  readMultitrack,
  skipModEx,
} from './enhanced-header.js';

export type AudioPacketType =
  /** The decoder configuration: for AAC an AudioSpecificConfig. */
  | 'sequence-header'
  | 'frames'
  | 'end-of-sequence'
  /** Nothing to decode: channel layouts, empty or truncated bodies, messages without track 0. */
  | 'ignored';

export interface AudioTag {
  readonly codec: AudioCodec;
  readonly packetType: AudioPacketType;
  /** The bytes after the header, as a view of the body. */
  readonly data: Buffer;
  /**
   * Hz and channels according to the header, or implied by the sound format. For AAC always 44100 and 2 by convention: its
   * AudioSpecificConfig decides. Absent for Enhanced RTMP.
   */
  readonly sampleRate?: number;
  readonly channels?: number;
  /** Only for linear PCM. 8-bit samples are unsigned, 16-bit samples little-endian, as every encoder writes them. */
  readonly bitsPerSample?: 8 | 16;
  readonly enhanced: boolean;
  /** Enhanced RTMP multitrack id; 0 except for the entries of `tracks`. */
  readonly trackId: number;
  /** The other tracks of a multitrack message, in its order; absent if there are none. This tag itself is track 0. */
  readonly tracks?: readonly AudioTag[];
  /** 0..999,999 ns to add to the presentation time (ModEx TimestampOffsetNano); absent if not sent. */
  readonly nanoseconds?: number;
}

const SOUND_FORMAT_EX_HEADER = 9;
const SOUND_FORMAT_AAC = 10;
const EMPTY = Buffer.alloc(0);
const UNREADABLE: AudioTag = {
  codec: { unsupported: 'unreadable message' },
  packetType: 'ignored',
  data: EMPTY,
  enhanced: true,
  trackId: 0,
};
/** FLV 10.1 E.4.2.1 SoundRate. */
const SOUND_RATES: readonly number[] = [5_512, 11_025, 22_050, 44_100];
/** Sound formats with a fixed rate, whatever the two rate bits say: Nellymoser 16 and 8 kHz, G.711, Speex, MP3 8 kHz. */
const FIXED_SOUND_RATES: Readonly<Record<number, number>> = {
  4: 16_000,
  5: 8_000,
  7: 8_000,
  8: 8_000,
  11: 16_000,
  14: 8_000,
};
/** Sound formats that are always mono, whatever the type bit says: Nellymoser 16 and 8 kHz, Speex. */
const MONO_SOUND_FORMATS: ReadonlySet<number> = new Set([4, 5, 11]);
/** Linear PCM in the byte order of the platform, and little-endian. */
const PCM_SOUND_FORMATS: ReadonlySet<number> = new Set([0, 3]);

/**
 * Never throws: a body that cannot be parsed is `ignored`, because one malformed message must not end a stream.
 * @param body one audio message as in RTMP 7.1.4 or the body of an FLV audio tag
 */
export function parseAudioTag(body: Buffer): AudioTag {
  const head = body[0];
  if (head === undefined) {
    return { codec: { unsupported: 'empty message' }, packetType: 'ignored', data: EMPTY, enhanced: false, trackId: 0 };
  }
  const soundFormat = head >> 4;
  return soundFormat === SOUND_FORMAT_EX_HEADER ? parseEnhanced(body, head) : parseLegacy(body, head, soundFormat);
}

/** FLV 10.1 E.4.2. */
function parseLegacy(body: Buffer, head: number, soundFormat: number): AudioTag {
  const isAac = soundFormat === SOUND_FORMAT_AAC;
  const headSize = isAac ? 2 : 1;
  const packetType = body.length <= headSize ? 'ignored' : isAac ? aacPacketType(body[1]) : 'frames';
  // Properties are written out one by one, because an object spread is slow and this runs for every frame.
  const codec = LEGACY_AUDIO_CODECS[soundFormat] ?? { unsupported: `sound format ${soundFormat}` };
  const sampleRate = FIXED_SOUND_RATES[soundFormat] ?? SOUND_RATES[(head >> 2) & 0x03] ?? 44_100;
  const channels = MONO_SOUND_FORMATS.has(soundFormat) ? 1 : 1 + (head & 0x01);
  const data = packetType === 'ignored' ? EMPTY : body.subarray(headSize);
  if (!PCM_SOUND_FORMATS.has(soundFormat)) {
    return { codec, sampleRate, channels, enhanced: false, trackId: 0, packetType, data };
  }
  const bitsPerSample = (head & 0x02) === 0 ? 8 : 16;
  return { codec, sampleRate, channels, enhanced: false, trackId: 0, bitsPerSample, packetType, data };
}

/** FLV 10.1 E.4.2.2 AACPacketType. */
function aacPacketType(value: number | undefined): AudioPacketType {
  if (value === 0) return 'sequence-header';
  return value === 1 ? 'frames' : 'ignored';
}

/** Enhanced RTMP v2, "Enhanced Audio". */
function parseEnhanced(body: Buffer, head: number): AudioTag {
  const prefix = skipModEx(body, 1, head & 0x0f);
  if (prefix === undefined) return UNREADABLE;
  const { packetType, position, nanoseconds } = prefix;
  if (packetType === PACKET_MULTITRACK_AUDIO) return parseMultitrack(body, position, nanoseconds);
  const payload = readEnhancedPayload(body, position, packetType);
  return payload === undefined ? UNREADABLE : trackTag(payload, nanoseconds);
}

function parseMultitrack(body: Buffer, position: number, nanoseconds: number | undefined): AudioTag {
  const payloads = readMultitrack(body, position, PACKET_MULTITRACK_AUDIO);
  if (payloads === undefined) return UNREADABLE;
  const tags = payloads.map((payload) => trackTag(payload, nanoseconds));
  const main = tags.find(({ trackId }) => trackId === 0) ?? UNREADABLE;
  const tracks = tags.filter(({ trackId }) => trackId !== 0);
  return tracks.length === 0 ? main : { ...main, tracks };
}

function trackTag(payload: EnhancedPayload, nanoseconds: number | undefined): AudioTag {
  const { data, trackId } = payload;
  const tag = {
    codec: audioCodecOfFourCc(payload.fourCc),
    data: EMPTY,
    enhanced: true,
    trackId,
    ...(nanoseconds === undefined ? {} : { nanoseconds }),
  };
  switch (payload.packetType) {
    case PACKET_SEQUENCE_START:
      return { ...tag, packetType: data.length > 0 ? 'sequence-header' : 'ignored', data };
    case PACKET_CODED_FRAMES:
      return { ...tag, packetType: data.length > 0 ? 'frames' : 'ignored', data };
    case PACKET_SEQUENCE_END:
      return { ...tag, packetType: 'end-of-sequence' };
    default:
      return { ...tag, packetType: 'ignored' };
  }
}
