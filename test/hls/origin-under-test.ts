// An origin with a stream, as players see it, and helpers that wait for its answers and read them.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Origin, type OriginAnswer } from '../../src/hls/origin/origin.js';
import type { PeriodPlan, PresentationOptions } from '../../src/hls/presentation.js';
import type { Rendition } from '../../src/hls/window/rendition.js';
import { type Setup, setUp } from './observed-presentation.js';
import { SAMPLES_PLAN } from './recorded-inits.js';
import { type SyntheticOptions, SyntheticStream } from './synthetic-stream.js';

/** One video and one audio rendition, both from FFmpeg's pipes. */
export const PIPES_PLAN: PeriodPlan = {
  renditions: [
    { name: 'source', kind: 'video', input: 'pipe', frameRate: 25 },
    { name: 'audio', kind: 'audio', input: 'pipe' },
  ],
  cuts: 'key-frames',
};

export interface ServedSamples extends Setup {
  readonly stream: SyntheticStream;
  readonly origin: Origin;
  readonly source: () => Rendition;
}

/** `live/test` with `SAMPLES_PLAN`, without a rung. */
export function serveSamples(
  inits: SyntheticOptions['inits'],
  options: Partial<PresentationOptions> = {},
): ServedSamples {
  const setup = setUp({ plan: SAMPLES_PLAN, ...options });
  const { presentation, clock } = setup;
  const stream = new SyntheticStream({ presentation, clock, inits, onStep: () => undefined });
  stream.rung = false;
  const origin = new Origin({ clock });
  origin.attach(presentation);
  const source = (): Rendition => {
    const found = presentation.rendition('source');
    if (found === undefined) throw new Error('no source');
    return found;
  };
  return { ...setup, stream, origin, source };
}

/** Waits until all answers that can be given now are delivered. */
export async function settle(turns = 50): Promise<void> {
  for (let i = 0; i < turns; i += 1) await nextTurn();
}

/** @throws the error of the answer if it has no body */
export function bodyOf(answer: OriginAnswer): string {
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.error.message}`);
  if (answer.body === undefined) throw new Error('the body is to be read from the store');
  return answer.body.toString();
}
