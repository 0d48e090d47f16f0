// Decides which tracks a publisher has, from the tags received so far.
import { expect, it } from 'vitest';
import type { LiveTag } from '../../src/live/tag.js';
import { TrackDecision } from '../../src/pipeline/track-decision.js';
import type { Clock } from '../../src/protocols/clock.js';

/** A clock whose timers run when the test says so, however late that is. */
class StalledClock implements Clock {
  time = 0;
  callback: (() => void) | undefined;

  now(): number {
    return this.time;
  }

  wallClock(): number {
    return this.time;
  }

  after(_delay: number, callback: () => void): () => void {
    this.callback = callback;
    return () => {
      this.callback = undefined;
    };
  }

  runAt(time: number): void {
    this.time = time;
    this.callback?.();
  }
}

const tag = (kind: 'audio' | 'video') => ({ kind }) as LiveTag;

function start(): { clock: StalledClock; decision: TrackDecision; decided: object[] } {
  const clock = new StalledClock();
  const decided: object[] = [];
  const decision = new TrackDecision({ clock, onDecided: (tracks) => decided.push(tracks) });
  return { clock, decision, decided };
}

it('does not count a track as absent because the machine was blocked: tags that arrived meanwhile are read first', () => {
  const { clock, decision, decided } = start();
  decision.note(tag('video'));
  clock.runAt(4_000);
  expect(decided).toEqual([]);
  decision.note(tag('audio'));
  expect(decided).toEqual([{ video: true, audio: true }]);
});

it('waits the same time again after the machine was blocked, and no longer', () => {
  const { clock, decision, decided } = start();
  decision.note(tag('video'));
  clock.runAt(4_000);
  clock.runAt(5_010);
  expect(decided).toEqual([{ video: true, audio: false }]);
});
