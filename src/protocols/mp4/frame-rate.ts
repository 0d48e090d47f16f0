// Encoders write clocks where frame rates belong: one bound decides for every codec what is believed.

/** Frames per second; no camera is faster. */
const MAX_FRAME_RATE = 1000;

/** `ticks` per second over `ticksPerFrame`, or undefined when that is no frame rate. */
export function frameRateOf(ticks: number, ticksPerFrame: number): number | undefined {
  const rate = ticks / ticksPerFrame;
  return rate > 0 && rate <= MAX_FRAME_RATE ? rate : undefined;
}
