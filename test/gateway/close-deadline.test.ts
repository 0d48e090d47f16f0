// When the gateway closes, a stream that does not finish flushing is abandoned in time for the later steps.
import { expect, it } from 'vitest';
import { CLOSE_TIMEOUT } from '../../src/cli/serve.js';
import { FLUSH_UNTIL, untilDeadline } from '../../src/gateway/close-deadline.js';
import { CLOSE_GRACE } from '../../src/servers/http/connection-limits.js';
import { DEFAULT_RTMP_SERVER_OPTIONS } from '../../src/servers/rtmp/options.js';
import { ManualClock } from '../support/manual-clock.js';

const never = new Promise<void>(() => undefined);

it('waits for the work no longer than until the deadline', async () => {
  const clock = new ManualClock();
  const deadline = clock.now() + FLUSH_UNTIL;
  clock.advance(1_500);
  const waiting = untilDeadline(never, deadline, clock);
  expect(clock.pending).toEqual([FLUSH_UNTIL - 1_500]);
  clock.advance(FLUSH_UNTIL - 1_500);
  await waiting;
  const late = untilDeadline(never, deadline, clock);
  clock.advance(0);
  await late;
});

it('resolves when the work ends, passes on its error, and leaves no timer', async () => {
  const clock = new ManualClock();
  await untilDeadline(Promise.resolve(), 1_000, clock);
  await expect(untilDeadline(Promise.reject(new Error('broken')), 1_000, clock)).rejects.toThrow('broken');
  expect(clock.pending).toEqual([]);
});

it('C4.10 the limits of all steps add up to less than the time that a stop may take', () => {
  const { reconnectGrace, closeGrace } = DEFAULT_RTMP_SERVER_OPTIONS;
  expect(reconnectGrace + closeGrace).toBeLessThan(FLUSH_UNTIL);
  expect(FLUSH_UNTIL + CLOSE_GRACE).toBeLessThan(CLOSE_TIMEOUT);
});
