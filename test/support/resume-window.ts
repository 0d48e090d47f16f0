// Ends the resume window on request. With a short window, a slow machine would miss the state that a test waits for.
import { Injections } from '../faults/seams/injections.js';

const TIMER = 'timer in pipeline/resume-window.ts';

export interface ResumeWindows {
  /** The next time its publisher leaves, the stream `live/NAME` ends at once. */
  close(name: string): void;
}

/** For one test, whose gateway must have a very long resume window. */
export function controlResumeWindows(): ResumeWindows {
  const { hurried } = new Injections();
  return { close: (name) => void hurried.set(`live/${name}`, new Map([[TIMER, 0]])) };
}
