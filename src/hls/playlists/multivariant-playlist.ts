// The multivariant playlist as data, and its text as a pure function, so that golden files show what players are promised.
import type { BitsPerSecond } from '../../protocols/units.js';

export interface MultivariantPlaylist {
  /** EXT-X-VERSION 4.4.1.2 */
  readonly version: number;
  /** EXT-X-INDEPENDENT-SEGMENTS 4.4.2.1 */
  readonly independentSegments: boolean;
  /** EXT-X-MEDIA:TYPE=AUDIO 4.4.6.1; undefined if there is no audio track beside a video track. */
  readonly audio?: AudioRenditionEntry;
  /** EXT-X-STREAM-INF 4.4.6.2, in the order of the ladder: many players start with the first. */
  readonly variants: readonly VariantEntry[];
  /** EXT-X-I-FRAME-STREAM-INF 4.4.6.3, in the order of the variants. */
  readonly iFrames: readonly IFrameEntry[];
}

export type IFrameEntry = Pick<
  VariantEntry,
  'uri' | 'bandwidth' | 'averageBandwidth' | 'codecs' | 'resolution' | 'videoRange'
>;

export interface AudioRenditionEntry {
  readonly groupId: string;
  readonly name: string;
  readonly channels: number | undefined;
  readonly uri: string;
}

export interface VariantEntry {
  readonly uri: string;
  /** Peak rate of video and audio together. */
  readonly bandwidth: BitsPerSecond;
  readonly averageBandwidth: BitsPerSecond;
  /** RFC 6381, video first. */
  readonly codecs: readonly string[];
  readonly resolution?: { readonly width: number; readonly height: number };
  readonly frameRate?: number;
  /** VIDEO-RANGE; undefined means SDR. */
  readonly videoRange?: 'PQ' | 'HLG';
  /** GROUP-ID of the audio to play with it. */
  readonly audio?: string;
}

/** Pure; the URIs are relative. */
export function renderMultivariantPlaylist(playlist: MultivariantPlaylist): string {
  const lines: string[] = ['#EXTM3U', `#EXT-X-VERSION:${playlist.version}`];
  if (playlist.independentSegments) lines.push('#EXT-X-INDEPENDENT-SEGMENTS');
  const { audio } = playlist;
  if (audio !== undefined) {
    const channels = audio.channels === undefined ? '' : `,CHANNELS="${audio.channels}"`;
    lines.push(
      `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="${audio.groupId}",NAME="${audio.name}",DEFAULT=YES,AUTOSELECT=YES${channels},URI="${audio.uri}"`,
    );
  }
  for (const variant of playlist.variants) {
    const attributes = shared(variant);
    if (variant.frameRate !== undefined) attributes.push(`FRAME-RATE=${variant.frameRate.toFixed(3)}`);
    if (variant.audio !== undefined) attributes.push(`AUDIO="${variant.audio}"`);
    lines.push(`#EXT-X-STREAM-INF:${attributes.join(',')}`, variant.uri);
  }
  for (const entry of playlist.iFrames) {
    lines.push(`#EXT-X-I-FRAME-STREAM-INF:${[...shared(entry), `URI="${entry.uri}"`].join(',')}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Attributes that variants and I-frame entries have in common. */
function shared({ bandwidth, averageBandwidth, codecs, resolution, videoRange }: IFrameEntry): string[] {
  const attributes = [
    `BANDWIDTH=${Math.ceil(bandwidth)}`,
    `AVERAGE-BANDWIDTH=${Math.ceil(averageBandwidth)}`,
    `CODECS="${codecs.join(',')}"`,
  ];
  if (resolution !== undefined) attributes.push(`RESOLUTION=${resolution.width}x${resolution.height}`);
  if (videoRange !== undefined) attributes.push(`VIDEO-RANGE=${videoRange}`);
  return attributes;
}
