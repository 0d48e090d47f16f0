// What the presentation does with any rendition's input, whoever packages it.
import type { Rendition } from './rendition.js';

export interface Feed {
  readonly rendition: Rendition;
  /** The cut schedule has moved on, or a run has begun: what was held may go. */
  advance(): void;
  /** The publisher is gone, or what it sends changes: what is held goes now. */
  finishRun(): void;
}
