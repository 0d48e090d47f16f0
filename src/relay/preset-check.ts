// Compares a stream with the requirements of a platform: key frame interval, bit rates, codec, profile.

import { type VideoCodecId, videoCodecName } from '../protocols/flv/codecs.js';
import type { Milliseconds } from '../protocols/units.js';
import type { Preset } from './presets.js';
import type { RtmpUrl } from './rtmp-url.js';
import type { RelayTag } from './stream-source.js';

/** Long enough for a few key frames, so that one large picture does not dominate the measured bit rate. */
const WINDOW: Milliseconds = 10_000;
/** A measured value may exceed the limit by this factor, because encoders keep a bit rate only on average. */
const TOLERANCE = 1.1;
/** Offset of the AVCDecoderConfigurationRecord in the tag, and of the profile in the record. */
const AVC_PROFILE = 5 + 1;

export class PresetCheck {
  readonly #preset: Preset;
  readonly #warnings = new Map<string, string>();
  #told: string | undefined;
  #windowStart: Milliseconds | undefined;
  #bytes = { audio: 0, video: 0 };
  #lastKeyFrame: Milliseconds | undefined;

  constructor(preset: Preset, { secure }: Pick<RtmpUrl, 'secure'>) {
    this.#preset = preset;
    if (preset.tlsOnly === true && !secure) this.#warnings.set('tls', `${preset.name} accepts only rtmps://`);
  }

  /** In order of detection. A warning is never removed, because the platform has also seen the problem. */
  get warnings(): readonly string[] {
    return [...this.#warnings.values()];
  }

  /** @returns a new warning, if there is one */
  see(tag: RelayTag): string | undefined {
    this.#told = undefined;
    if (tag.kind === 'script') return undefined;
    if (tag.sequenceHeader) this.#header(tag);
    else this.#frame(tag, tag.kind);
    return this.#told;
  }

  #header({ kind, codec, body }: RelayTag): void {
    if (kind !== 'video' || codec === undefined) return;
    const { name, videoCodecs, profiles } = this.#preset;
    if (!videoCodecs.includes(codec)) {
      this.#warn('codec', `${name} does not list ${videoCodecName(codec as VideoCodecId)}`);
    }
    const profile = codec === 'avc' ? body[AVC_PROFILE] : undefined;
    if (profile !== undefined && profiles !== undefined && !profiles.includes(profile)) {
      this.#warn('profile', `${name} asks for the H.264 profile Main; the stream has profile_idc ${profile}`);
    }
  }

  #frame({ dts, keyFrame, body }: RelayTag, kind: 'audio' | 'video'): void {
    const { name, keyFrameInterval } = this.#preset;
    if (keyFrame) {
      const seconds = this.#lastKeyFrame === undefined ? 0 : (dts - this.#lastKeyFrame) / 1000;
      this.#lastKeyFrame = dts;
      if (seconds > keyFrameInterval * TOLERANCE) {
        const text = `${name} asks for a key frame every ${keyFrameInterval} s; two were ${seconds.toFixed(1)} s apart`;
        this.#warn('key frames', text);
      }
    }
    this.#windowStart ??= dts;
    this.#bytes[kind] += body.length;
    const span = dts - this.#windowStart;
    if (span < WINDOW) return;
    this.#bitrate('video', span, this.#preset.videoBitrate);
    this.#bitrate('audio', span, this.#preset.audioBitrate);
    this.#bytes = { audio: 0, video: 0 };
    this.#windowStart = dts;
  }

  #bitrate(kind: 'audio' | 'video', span: Milliseconds, limit: number | undefined): void {
    const measured = (this.#bytes[kind] * 8) / span;
    if (limit === undefined || measured <= limit * TOLERANCE) return;
    const text = `${this.#preset.name} accepts at most ${limit} kbit/s of ${kind}; the stream has ${Math.round(measured)}`;
    this.#warn(kind, text);
  }

  /** Adds a warning, at most one of each kind. */
  #warn(kind: string, sentence: string): void {
    if (this.#warnings.has(kind)) return;
    this.#warnings.set(kind, sentence);
    this.#told = sentence;
  }
}
