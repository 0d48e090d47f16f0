// The requirements of platforms, as data. They only cause warnings and no refusals, because platforms change their limits without notice.

export interface Preset {
  readonly name: string;
  /** URL of the platform without the key, if it is the same for everybody. */
  readonly server?: string;
  /** Seconds. */
  readonly keyFrameInterval: number;
  /** kbit/s. */
  readonly videoBitrate?: number;
  readonly audioBitrate?: number;
  readonly videoCodecs: readonly string[];
  /** H.264 profiles by profile_idc. */
  readonly profiles?: readonly number[];
  readonly tlsOnly?: boolean;
}

const H264 = ['avc'] as const;

/** Values from the service list of OBS Studio (plugins/rtmp-services/data/services.json, November 2026). */
export const PRESETS: Readonly<Record<string, Preset>> = {
  youtube: {
    name: 'YouTube',
    server: 'rtmps://a.rtmps.youtube.com:443/live2',
    ...{ keyFrameInterval: 2, videoBitrate: 51_000, audioBitrate: 160, videoCodecs: ['avc', 'hevc', 'av1'] },
  },
  twitch: {
    name: 'Twitch',
    server: 'rtmp://live.twitch.tv/app',
    ...{ keyFrameInterval: 2, videoBitrate: 6_000, audioBitrate: 320, videoCodecs: H264 },
  },
  facebook: {
    name: 'Facebook',
    server: 'rtmps://rtmp-api.facebook.com:443/rtmp',
    ...{ keyFrameInterval: 2, videoBitrate: 9_000, audioBitrate: 128, videoCodecs: H264 },
    // Baseline and Main.
    profiles: [66, 77],
    tlsOnly: true,
  },
  trovo: {
    name: 'Trovo',
    server: 'rtmp://livepush.trovo.live/live',
    ...{ keyFrameInterval: 2, videoBitrate: 9_000, audioBitrate: 160, videoCodecs: H264 },
  },
  restream: {
    name: 'Restream',
    server: 'rtmp://live.restream.io/live',
    ...{ keyFrameInterval: 2, videoCodecs: H264 },
  },
  ivs: { name: 'Amazon IVS', keyFrameInterval: 2, videoCodecs: H264, tlsOnly: true },
};

export function isPreset(name: string): boolean {
  return Object.hasOwn(PRESETS, name);
}
