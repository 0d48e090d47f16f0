// A target as operators see it: without its secrets, and with one state for all its streams.

import type { PushRunState, PushState, PushTargetState } from '../contracts/relay.js';
import { shownUrl, type TargetDefinition } from './target-definition.js';

/** The most urgent state comes first. */
const ORDER: readonly PushState[] = ['failed', 'backoff', 'connecting', 'publishing', 'idle', 'stopped'];

export function stateOfTarget(target: TargetDefinition, runs: readonly PushRunState[]): PushTargetState {
  const { id, title, stream, url, preset, configured, stopped } = target;
  const found = ORDER.find((state) => runs.some((run) => run.state === state)) ?? 'idle';
  return {
    ...{ id, title, stream, url: shownUrl(url), preset, configured },
    state: stopped ? 'stopped' : found,
    runs,
  };
}
