// The share of HTTP in a pass of the event loop, with work that says itself how long it took.
import { expect, it } from 'vitest';
import { WorkTurns } from '../../../../src/servers/http/metering/work-turns.js';

const pass = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('gives the full time again in the next pass', async () => {
  const turns = new WorkTurns();
  turns.note(9);
  expect(turns.areUsedUp).toBe(false);
  turns.note(1);
  expect(turns.areUsedUp).toBe(true);
  await pass();
  expect(turns.areUsedUp).toBe(false);
});

it('runs short turns before long ones, each in order, within the time for a pass', async () => {
  const turns = new WorkTurns();
  const served: string[] = [];
  const work = (name: string) => () => {
    served.push(name);
    turns.note(4);
  };
  turns.later(work('long 1'), true);
  turns.later(work('long 2'), true);
  turns.later(work('short 1'), false);
  turns.later(work('short 2'), false);
  await pass();
  expect(served).toEqual(['short 1', 'short 2', 'long 1']);
  expect(turns.areWanted).toBe(true);
  await pass();
  expect(served).toEqual(['short 1', 'short 2', 'long 1', 'long 2']);
  expect(turns.areWanted).toBe(false);
});

it('skips those that have left, and runs one that asks twice only once', async () => {
  const turns = new WorkTurns();
  let calls = 0;
  const turn = (): void => {
    calls++;
  };
  const gone = (): void => {
    throw new Error('called');
  };
  turns.later(turn, false);
  turns.later(turn, false);
  turns.later(gone, true);
  turns.forget(gone);
  await pass();
  await pass();
  expect(calls).toBe(1);
});
