// Decides for every codec whether a signalled frame rate is plausible. Some encoders write a clock rate instead.

/** Frames per second; no camera is faster. */
const MAX_FRAME_RATE = 1000;

/** `ticks` per second divided by `ticksPerFrame`, or undefined if that is not a plausible frame rate. */
export function frameRateOf(ticks: number, ticksPerFrame: number): number | undefined {
  const rate = ticks / ticksPerFrame;
  return rate > 0 && rate <= MAX_FRAME_RATE ? rate : undefined;
}
