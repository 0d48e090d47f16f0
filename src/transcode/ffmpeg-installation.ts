// The properties of an FFmpeg that was checked by running it.

export type FfmpegOrigin = 'FFMPEG_PATH' | 'PATH' | 'ffmpeg-static' | '@ffmpeg-binary';

export interface FfmpegInstallation {
  /** Absolute path of the program. */
  readonly path: string;
  /** Major and minor version; a development build without a number counts as the newest. */
  readonly version: { readonly major: number; readonly minor: number };
  /** As FFmpeg prints it, for example `5.1.9-0+deb12u1`. */
  readonly versionText: string;
  readonly origin: FfmpegOrigin;
  readonly encoders: ReadonlySet<string>;
  readonly decoders: ReadonlySet<string>;
  /** Whether it can convert HDR pictures to SDR: it has the filters zscale and tonemap. */
  readonly toneMapping: boolean;
  /** Whether it can read HEVC, AV1 and VP9 in FLV: FFmpeg 6.1 and later. */
  readonly enhancedRtmp: boolean;
  /** Whether it can read Opus, FLAC, AC-3 and E-AC-3 in FLV: FFmpeg 8.0 and later. */
  readonly enhancedRtmpAudio: boolean;
}

/** One candidate that was checked, for `sluice doctor` and for the error if none works. */
export type FfmpegAttempt = { readonly origin: FfmpegOrigin; readonly path?: string } & (
  | { readonly outcome: 'usable'; readonly installation: FfmpegInstallation }
  | { readonly outcome: 'rejected'; readonly reason: string }
);
