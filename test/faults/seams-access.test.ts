// The timers of permissions: an internal error while one is ended is logged, and the others still end.
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config/load-config.js';
import { sharedAccess } from '../../src/gateway/shared-access.js';
import { ManualClock } from '../support/manual-clock.js';

const STREAM = { app: 'live', name: 'cam', remoteAddress: '192.0.2.1' };
const TOLD = 'internal error: a permission may not end when it expires';

function scene() {
  const told: string[] = [];
  const logger = { error: (_fields: object, message: string) => void told.push(message) };
  const clock = new ManualClock();
  const { shared, close } = sharedAccess(loadConfig({ env: {} }), logger as never, clock);
  onTestFinished(close);
  return { ...shared, clock, told };
}

const fails = (): never => {
  throw new TypeError('injected');
};

it('a permission whose holder cannot be ended does not prevent the end of others', () => {
  const { grants, clock, told } = scene();
  const ended: string[] = [];
  const until = clock.wallClock() + 100;
  const question = { ...STREAM, action: 'publish', protocol: 'rtmp' } as never;
  const proven = { holder: { proof: 'key', id: 'k' }, until } as never;
  grants.issue('broken', question, proven).begin(fails);
  grants.issue('other', question, proven).begin(({ code }) => void ended.push(code));
  clock.advance(1_100);
  expect(ended).toEqual(['access.expired']);
  expect(told).toEqual([TOLD]);
  expect(grants.list()).toEqual([]);
});

it('a session whose end cannot be notified does not prevent the end of others', () => {
  const { sessions, clock, told } = scene();
  const closed: string[] = [];
  const start = (sid: string, onClosed: (grantId: string) => void) =>
    sessions.saw(sid, STREAM.app, STREAM.name, () => ({ ...STREAM, sid, protocol: 'hls', onClosed }) as never);
  start('broken', fails);
  start('other', () => void closed.push('other'));
  for (let minutes = 0; minutes < 10; minutes++) clock.advance(60_000);
  expect(closed).toEqual(['other']);
  expect(told).toEqual([TOLD]);
  expect(sessions.size).toBe(0);
});
