// HTTP's share of each pass of the event loop. The work in these tests reports a fixed duration.
import { expect, it } from 'vitest';
import { WorkTurns } from '../../../../src/servers/http/metering/work-turns.js';

const pass = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('gives the full time again in the next pass', async () => {
  const turns = new WorkTurns();
  turns.charge(9);
  expect(turns.isUsedUp).toBe(false);
  turns.charge(1);
  expect(turns.isUsedUp).toBe(true);
  await pass();
  expect(turns.isUsedUp).toBe(false);
});

it('runs short turns before long ones, each in order, within the time for a pass', async () => {
  const turns = new WorkTurns();
  const served: string[] = [];
  const work = (name: string) => () => {
    served.push(name);
    turns.charge(4);
  };
  turns.enqueue(work('long 1'), true);
  turns.enqueue(work('long 2'), true);
  turns.enqueue(work('short 1'), false);
  turns.enqueue(work('short 2'), false);
  await pass();
  expect(served).toEqual(['short 1', 'short 2', 'long 1']);
  expect(turns.hasWaiting).toBe(true);
  await pass();
  expect(served).toEqual(['short 1', 'short 2', 'long 1', 'long 2']);
  expect(turns.hasWaiting).toBe(false);
});

it('skips connections that have closed, and runs one that asks twice only once', async () => {
  const turns = new WorkTurns();
  let calls = 0;
  const turn = (): void => {
    calls++;
  };
  const gone = (): void => {
    throw new Error('called');
  };
  turns.enqueue(turn, false);
  turns.enqueue(turn, false);
  turns.enqueue(gone, true);
  turns.cancel(gone);
  await pass();
  await pass();
  expect(calls).toBe(1);
});
