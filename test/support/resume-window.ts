// Ends the wait for a publisher when a test has seen what it needs. With a short window, a slow machine would miss it.
import { Injections } from '../faults/seams/injections.js';

const TIMER = 'timer in pipeline/resume-window.ts';

export interface ResumeWindows {
  /** When its publisher leaves the next time, the stream `live/NAME` does not wait for another one. */
  close(name: string): void;
}

/** For one test. Its gateway has a window in which nothing is too late. */
export function controlResumeWindows(): ResumeWindows {
  const { hurried } = new Injections();
  return { close: (name) => void hurried.set(`live/${name}`, new Map([[TIMER, 0]])) };
}
