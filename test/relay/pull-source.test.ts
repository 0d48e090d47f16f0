// When a source connects, pauses, and makes requests wait: with a clock that the test moves.
import { expect, it, onTestFinished } from 'vitest';
import { PullSource, type PullSourceOptions } from '../../src/relay/pull-source.js';
import { eventually } from '../support/hls-client.js';
import { ManualClock } from '../support/manual-clock.js';

function setUp(options: Partial<PullSourceOptions> = {}) {
  const clock = new ManualClock();
  const is = { taken: false, waiting: 0 };
  const warnings: object[] = [];
  const silent = () => undefined;
  const source = new PullSource({
    ...{ app: 'live', name: 'cam', urls: ['rtmp://127.0.0.1:1/live/a', 'rtmp://127.0.0.1:1/live/b'] },
    ...{ onDemand: true, idleAfter: 30_000, clock, random: () => 0 },
    logger: { debug: silent, info: silent, error: silent, warn: (fields) => void warnings.push(fields as object) },
    places: {
      claim: () => {
        throw new Error('there is no media in this test');
      },
      isTaken: () => is.taken,
      isPlayed: () => false,
      starting: () => {
        is.waiting += 1;
        return () => {
          is.waiting -= 1;
        };
      },
    },
    ...options,
  });
  onTestFinished(() => source.close());
  return { source, clock, is, warnings };
}

it('H1.22 a source on demand neither connects nor makes requests wait while a publisher has its name', () => {
  const { source, is } = setUp();
  is.taken = true;
  source.open();
  source.demand();
  expect([source.state.state, is.waiting]).toEqual(['idle', 0]);
});

it('H1.22 pauses between its attempts while a publisher has its name, also with a backup', () => {
  const { source, clock, is, warnings } = setUp({ onDemand: false });
  is.taken = true;
  clock.advance(100_000);
  source.open();
  clock.advance(600_000);
  expect(source.state.lastError?.code).toBe('relay.in-use');
  // 1 s, growing to about 23 s without the random part.
  expect(warnings.length).toBeGreaterThan(20);
  expect(warnings.length).toBeLessThan(40);
});

it('H1.22 requests no longer wait for a source when a publisher has come', async () => {
  const { source, clock, is } = setUp();
  source.open();
  source.demand();
  expect([source.state.state, is.waiting]).toEqual(['connecting', 1]);
  await eventually(async () => (source.state.state === 'backoff' ? true : undefined));
  expect(is.waiting).toBe(1);
  is.taken = true;
  clock.advance(0);
  expect([source.state.lastError?.code, is.waiting]).toEqual(['relay.in-use', 0]);
});
