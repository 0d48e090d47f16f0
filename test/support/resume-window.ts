// Ends the wait for a publisher when a test has seen what it came for: with a short window of its own a slow machine would miss it.
import { Injections } from '../faults/seams/injections.js';

const TIMER = 'timer in pipeline/resume-window.ts';

export interface ResumeWindows {
  /** When its publisher leaves the next time, the stream `live/NAME` does not wait for another. */
  close(name: string): void;
}

/** For one test. Its gateway has a window in which nothing is late. */
export function controlResumeWindows(): ResumeWindows {
  const { hurried } = new Injections();
  return { close: (name) => void hurried.set(`live/${name}`, new Map([[TIMER, 0]])) };
}
