// The system clock. Modules get it as an argument, so that tests can pass another one.
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
