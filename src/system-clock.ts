// The clock of the machine, kept out of the rooms that ask for one.
import type { Clock } from './protocols/clock.js';

export const systemClock: Clock = {
  now: () => performance.now(),
  wallClock: () => Date.now(),
  after(delay, callback) {
    const timer = setTimeout(callback, delay);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
