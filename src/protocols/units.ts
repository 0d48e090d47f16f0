// Units as types: a number that crosses a module says what it measures, and the compiler rejects mistakes.

declare const unit: unique symbol;

/** A number with a unit: plain numbers are accepted, a number of another unit is not. */
type Quantity<U extends string> = number & { readonly [unit]?: U };

/** 1/1000 s. RTMP and FLV timestamps, the stream timeline, timers. */
export type Milliseconds = Quantity<'ms'>;
/** SI seconds. Playlist durations and configuration. */
export type Seconds = Quantity<'s'>;
/** Units of a track's own timescale (ISO/IEC 14496-12 `mdhd.timescale`). */
export type Ticks = Quantity<'ticks'>;
/** Bits per second. */
export type BitsPerSecond = Quantity<'bit/s'>;
/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMilliseconds = Quantity<'epoch ms'>;

/**
 * `mdhd.timescale` of every video track that viewers get, whoever made it. It expresses whole milliseconds and broadcast frame rates
 * exactly. All renditions of a stream must use the same one: if it changes with a quality switch, hls.js re-anchors the stream at the
 * *decode* time of the next segment. Then each switch to a source with B-frames shifts everything after it by the reorder delay, which
 * leaves a gap at which playback stalls.
 */
export const VIDEO_TIMESCALE = 90_000;

export function secondsToMilliseconds(seconds: Seconds): Milliseconds {
  return (seconds as number) * 1000;
}

export function millisecondsToSeconds(ms: Milliseconds): Seconds {
  return (ms as number) / 1000;
}
