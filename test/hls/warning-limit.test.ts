// A warning that is given once a minute must not hide another fault, or the same fault when it comes back.
import { expect, it } from 'vitest';
import { hlsError } from '../../src/hls/errors.js';
import { Incidents } from '../../src/hls/incidents.js';
import { WarningLimit } from '../../src/hls/warning-limit.js';
import { ManualClock } from '../support/manual-clock.js';

function setUp() {
  const clock = new ManualClock();
  const told: string[] = [];
  const limit = new WarningLimit(clock, ({ message }) => told.push(message));
  const warn = (message: string, fault?: string): void => limit.warn(hlsError('hls.store', message), fault);
  return { clock, told, limit, warn };
}

it('logs the same fault once a minute', () => {
  const { clock, told, warn } = setUp();
  for (let second = 0; second < 120; second++) {
    warn(`full after ${second} s`, 'ENOSPC');
    clock.advance(1_000);
  }
  expect(told).toEqual(['full after 0 s', 'full after 60 s']);
});

it('logs another fault with the same code at once', () => {
  const { told, warn } = setUp();
  warn('full', 'ENOSPC');
  warn('read-only', 'EROFS');
  warn('full again', 'ENOSPC');
  expect(told).toEqual(['full', 'read-only']);
});

it('logs a fault again if it was solved and returns, but not if it flickers', () => {
  const { clock, told, limit, warn } = setUp();
  warn('full', 'ENOSPC');
  for (let i = 0; i < 3; i++) {
    clock.advance(1_000);
    limit.over('hls.store');
    warn('full again', 'ENOSPC');
  }
  expect(told).toEqual(['full']);
  clock.advance(2_000);
  warn('full again', 'ENOSPC');
  expect(told).toEqual(['full', 'full again']);
});

it('does not call the last frame before a pause of the pictures uneven', () => {
  const faults: string[] = [];
  const onPublisherFault = (fault: string): number => faults.push(fault);
  const incidents = new Incidents({ clock: new ManualClock(), app: 'live', name: 'a', onPublisherFault });
  incidents.overlongPart('720p', 4.1);
  incidents.picturesPaused();
  incidents.overlongPart('720p', 4.1);
  incidents.overlongPart('720p', 0.9);
  expect(faults).toEqual(['uneven-frames', 'pictures-paused', 'uneven-frames']);
});
