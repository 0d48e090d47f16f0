// Audio and video messages as bytes and as what they mean: one table for the parsers, the stream and the fuzz seeds.
import type { AudioTag } from '../../src/protocols/flv/audio-tag.js';
import type { VideoTag } from '../../src/protocols/flv/video-tag.js';

/** Fields to expect; `data` as hex. */
type ExpectedTag<T> = Partial<Omit<T, 'data' | 'tracks'>> & { readonly data?: string };

export interface TagVector<T> {
  readonly name: string;
  readonly hex: string;
  readonly value: ExpectedTag<T>;
  /** The other tracks of the message, in order; none when absent. */
  readonly tracks?: readonly ExpectedTag<T>[];
}

const fourCc = (text: string): string => Buffer.from(text, 'latin1').toString('hex');

export const VIDEO_VECTORS: readonly TagVector<VideoTag>[] = [
  {
    name: 'H.264 key frame',
    hex: '1701000000aabb',
    value: {
      codec: 'avc',
      frameType: 1,
      keyFrame: true,
      packetType: 'frames',
      compositionTime: 0,
      data: 'aabb',
      enhanced: false,
    },
  },
  {
    name: 'A7.06 H.264 inter frame, composition time 80 ms',
    hex: '2701000050aa',
    value: { codec: 'avc', keyFrame: false, packetType: 'frames', compositionTime: 80, data: 'aa' },
  },
  {
    name: 'A7.06 negative composition time',
    hex: '2701ffffd8aa',
    value: { packetType: 'frames', compositionTime: -40 },
  },
  { name: 'disposable frame', hex: '3701000000aa', value: { frameType: 3, keyFrame: false, packetType: 'frames' } },
  {
    name: 'A9.05 frame type 0',
    hex: '0701000000aa',
    value: { codec: 'avc', frameType: 0, keyFrame: false, packetType: 'frames' },
  },
  {
    name: 'H.264 sequence header',
    hex: '170000000001640028',
    value: { packetType: 'sequence-header', data: '01640028' },
  },
  { name: 'A7.07 end of sequence with composition time', hex: '1702000000', value: { packetType: 'end-of-sequence' } },
  { name: 'A7.07 end of sequence of two bytes', hex: '1702', value: { packetType: 'end-of-sequence' } },
  { name: 'A7.08 no bytes', hex: '', value: { packetType: 'ignored' } },
  { name: 'A7.08 one byte', hex: '17', value: { packetType: 'ignored' } },
  { name: 'A7.08 no NAL unit', hex: '2701000000', value: { packetType: 'ignored' } },
  { name: 'A7.08 info frame', hex: '5700', value: { frameType: 5, packetType: 'ignored' } },
  { name: 'an AVC packet type nobody defined', hex: '1709000000aa', value: { packetType: 'ignored' } },
  {
    name: 'A7.11 legacy HEVC',
    hex: '1c00000000aabb',
    value: { codec: 'hevc', packetType: 'sequence-header', data: 'aabb' },
  },
  { name: 'Sorenson H.263', hex: '12aabb', value: { codec: 'sorenson-h263', packetType: 'frames', data: 'aabb' } },
  { name: 'VP6', hex: '24aa', value: { codec: 'vp6', packetType: 'frames', data: 'aa' } },
  { name: 'a codec id nobody defined', hex: '1faa', value: { codec: { unsupported: 'codec id 15' } } },
  {
    name: 'A9.03 HEVC sequence start',
    hex: `90${fourCc('hvc1')}aabb`,
    value: { codec: 'hevc', keyFrame: true, packetType: 'sequence-header', data: 'aabb', enhanced: true },
  },
  {
    name: 'A9.03 HEVC coded frames with composition time',
    hex: `a1${fourCc('hvc1')}fffffeaabb`,
    value: { codec: 'hevc', keyFrame: false, packetType: 'frames', compositionTime: -2, data: 'aabb' },
  },
  {
    name: 'A9.03 coded frames without composition time (X)',
    hex: `93${fourCc('hvc1')}aabb`,
    value: { codec: 'hevc', keyFrame: true, packetType: 'frames', compositionTime: 0, data: 'aabb' },
  },
  {
    name: 'A9.03 AV1 has no composition time',
    hex: `a1${fourCc('av01')}aabbcc`,
    value: { codec: 'av1', packetType: 'frames', compositionTime: 0, data: 'aabbcc' },
  },
  {
    name: 'A9.03 H.264 by FourCC',
    hex: `91${fourCc('avc1')}000021aa`,
    value: { codec: 'avc', compositionTime: 33, data: 'aa' },
  },
  { name: 'A9.10 sequence end of no bytes', hex: `92${fourCc('hvc1')}`, value: { packetType: 'end-of-sequence' } },
  { name: 'A9.03 MPEG-2 TS sequence start', hex: `95${fourCc('av01')}aa`, value: { packetType: 'ignored' } },
  {
    name: 'A9.04 colour information of FFmpeg 7 (frame type 5, metadata)',
    hex: `d4${fourCc('hvc1')}020009${fourCc('colorInfo')}`,
    value: { codec: 'hevc', frameType: 5, packetType: 'ignored' },
  },
  { name: 'A9.04 command byte', hex: 'd100', value: { frameType: 5, packetType: 'ignored' } },
  { name: 'A9.03 metadata with frame type 1', hex: `94${fourCc('hvc1')}02`, value: { packetType: 'ignored' } },
  {
    name: 'A9.06 ModEx: nanosecond offset of three bytes, then coded frames',
    hex: `9702${'00000a'}01${fourCc('avc1')}000000aa`,
    value: { codec: 'avc', packetType: 'frames', data: 'aa', keyFrame: true },
  },
  {
    name: 'A9.06 two ModEx, the second of an unknown subtype',
    hex: `9700ff0700ee53${fourCc('avc1')}aa`,
    value: { codec: 'avc', packetType: 'frames', data: 'aa' },
  },
  {
    name: 'A9.06 ModEx of 300 bytes',
    hex: `97ff012b${'00'.repeat(300)}03${fourCc('avc1')}aa`,
    value: { codec: 'avc', packetType: 'frames', data: 'aa' },
  },
  { name: 'A9.06 ModEx longer than the message', hex: '97ff', value: { packetType: 'ignored' } },
  {
    name: 'A9.07 one track, number 0',
    hex: `96${'01'}${fourCc('avc1')}00000010aa`,
    value: { codec: 'avc', packetType: 'frames', compositionTime: 16, data: 'aa' },
  },
  {
    name: 'A9.07 one track, number 1',
    hex: `9601${fourCc('avc1')}01000000aa`,
    value: { packetType: 'ignored', trackId: 0 },
    tracks: [{ codec: 'avc', packetType: 'frames', trackId: 1, keyFrame: true, data: 'aa' }],
  },
  {
    name: 'A9.07 many tracks: 0 is the second',
    hex: `9613${fourCc('avc1')}01000002aaaa00000001bb`,
    value: { codec: 'avc', packetType: 'frames', data: 'bb', trackId: 0 },
    tracks: [{ codec: 'avc', packetType: 'frames', data: 'aaaa', trackId: 1 }],
  },
  {
    name: 'A9.07 many tracks, many codecs',
    hex: `9623${fourCc('hvc1')}01000001aa${fourCc('avc1')}00000001bb`,
    value: { codec: 'avc', packetType: 'frames', data: 'bb' },
    tracks: [{ codec: 'hevc', packetType: 'frames', data: 'aa', trackId: 1 }],
  },
  {
    name: 'A9.07 a track number twice: the first counts',
    hex: `9613${fourCc('avc1')}00000001aa00000001bb`,
    value: { packetType: 'frames', data: 'aa' },
  },
  {
    name: 'A9.07 a second track longer than the message drops all of it',
    hex: `9613${fourCc('avc1')}00000001aa01000009bb`,
    value: { packetType: 'ignored' },
  },
  {
    name: 'A9.07 33 tracks',
    hex: `9613${fourCc('avc1')}${Array.from({ length: 33 }, (_, id) => `${id.toString(16).padStart(2, '0')}000001aa`).join('')}`,
    value: { packetType: 'ignored' },
  },
  {
    name: 'C2.12 33 tracks with one number',
    hex: `9613${fourCc('avc1')}${'00000001aa'.repeat(33)}`,
    value: { packetType: 'ignored' },
  },
  {
    name: 'A9.07 an arrangement nobody defined',
    hex: `9633${fourCc('avc1')}00000001aa`,
    value: { packetType: 'ignored' },
  },
  { name: 'A9.07 ModEx in multitrack', hex: `9607${fourCc('avc1')}00aa`, value: { packetType: 'ignored' } },
  {
    name: 'A9.06 the nanoseconds of a prefix',
    hex: `97020f423f03${fourCc('avc1')}aa`,
    value: { packetType: 'frames', nanoseconds: 999_999, data: 'aa' },
  },
  { name: 'C2.12 a loop of ModEx prefixes', hex: `97${'00aa07'.repeat(40)}`, value: { packetType: 'ignored' } },
  {
    name: 'A9.04 colours in PQ as FFmpeg 7 sends them',
    hex: 'd468766331020009636f6c6f72496e666f03000b636f6c6f72436f6e6669670300177472616e7366657243686172616374657269737469637300403000000000000000126d6174726978436f656666696369656e7473004022000000000000000e636f6c6f725072696d6172696573004022000000000000000009000009',
    value: { packetType: 'ignored', color: { primaries: 9, transfer: 16, matrix: 9, fullRange: false } },
  },
  {
    name: 'A9.07 a track longer than the message',
    hex: `9613${fourCc('avc1')}00ffffffaa`,
    value: { packetType: 'ignored' },
  },
  { name: 'A9.07 multitrack in multitrack', hex: `9606${fourCc('avc1')}00aa`, value: { packetType: 'ignored' } },
  { name: 'a FourCC nobody knows', hex: '9041000142aa', value: { codec: { unsupported: 'FourCC "A??B"' } } },
  { name: 'a FourCC cut short', hex: '906176', value: { packetType: 'ignored' } },
];

export const AUDIO_VECTORS: readonly TagVector<AudioTag>[] = [
  {
    name: 'AAC frame',
    hex: 'af0121aabb',
    value: { codec: 'aac', packetType: 'frames', data: '21aabb', enhanced: false },
  },
  {
    name: 'AAC sequence header',
    hex: 'af001190',
    value: { codec: 'aac', packetType: 'sequence-header', data: '1190' },
  },
  { name: 'A7.08 no bytes', hex: '', value: { packetType: 'ignored' } },
  { name: 'A7.08 one byte', hex: 'af', value: { codec: 'aac', packetType: 'ignored' } },
  { name: 'A7.08 two bytes', hex: 'af01', value: { packetType: 'ignored' } },
  { name: 'an AAC packet type nobody defined', hex: 'af05aa', value: { packetType: 'ignored' } },
  {
    name: 'MP3 44.1 kHz stereo',
    hex: '2ffffb',
    value: { codec: 'mp3', packetType: 'frames', sampleRate: 44_100, channels: 2, data: 'fffb' },
  },
  { name: 'MP3 22.05 kHz mono', hex: '2afffb', value: { codec: 'mp3', sampleRate: 22_050, channels: 1 } },
  { name: 'MP3 8 kHz', hex: 'eefffb', value: { codec: 'mp3', sampleRate: 8_000 } },
  {
    name: 'G.711 A-law',
    hex: '72d5',
    value: { codec: 'g711-alaw', packetType: 'frames', sampleRate: 8_000, channels: 1 },
  },
  { name: 'G.711 mu-law', hex: '82ff', value: { codec: 'g711-mulaw', sampleRate: 8_000 } },
  { name: 'Speex', hex: 'b6aa', value: { codec: 'speex', sampleRate: 16_000, channels: 1 } },
  { name: 'Nellymoser 16 kHz', hex: '42aa', value: { codec: 'nellymoser', sampleRate: 16_000, channels: 1 } },
  { name: 'PCM', hex: '3faa', value: { codec: 'pcm', sampleRate: 44_100, channels: 2, bitsPerSample: 16 } },
  { name: 'PCM of 8 bits', hex: '0caa', value: { codec: 'pcm', channels: 1, bitsPerSample: 8 } },
  { name: 'a sound format nobody defined', hex: 'cfaa', value: { codec: { unsupported: 'sound format 12' } } },
  {
    name: 'A9.08 AAC by FourCC',
    hex: `91${fourCc('mp4a')}21aa`,
    value: { codec: 'aac', packetType: 'frames', data: '21aa', enhanced: true },
  },
  {
    name: 'A9.08 AAC sequence start',
    hex: `90${fourCc('mp4a')}1190`,
    value: { codec: 'aac', packetType: 'sequence-header', data: '1190' },
  },
  { name: 'A9.08 Opus', hex: `91${fourCc('Opus')}aa`, value: { codec: 'opus', packetType: 'frames' } },
  { name: 'A9.08 E-AC-3', hex: `91${fourCc('ec-3')}aa`, value: { codec: 'e-ac-3' } },
  { name: 'A9.08 FLAC', hex: `90${fourCc('fLaC')}aa`, value: { codec: 'flac', packetType: 'sequence-header' } },
  { name: 'A9.08 channel layout', hex: `94${fourCc('mp4a')}0102`, value: { packetType: 'ignored' } },
  { name: 'A9.08 sequence end', hex: `92${fourCc('mp4a')}`, value: { packetType: 'end-of-sequence' } },
  {
    name: 'A9.09 second track',
    hex: `9501${fourCc('mp4a')}01aa`,
    value: { packetType: 'ignored' },
    tracks: [{ codec: 'aac', packetType: 'frames', data: 'aa', trackId: 1 }],
  },
  {
    name: 'A9.07 first of many tracks',
    hex: `9511${fourCc('mp4a')}00000001aa01000001bb`,
    value: { codec: 'aac', packetType: 'frames', data: 'aa' },
    tracks: [{ codec: 'aac', data: 'bb', trackId: 1 }],
  },
  {
    name: 'A9.06 ModEx',
    hex: `9700ff01${fourCc('mp4a')}aa`,
    value: { codec: 'aac', packetType: 'frames', data: 'aa' },
  },
  { name: 'a FourCC cut short', hex: '916d', value: { packetType: 'ignored' } },
];
