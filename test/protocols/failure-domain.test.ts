// A failure in a domain is reported once and does not leave the domain.
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../../src/protocols/errors.js';
import { callAll, FailureDomain, type Fault } from '../../src/protocols/failure-domain.js';
import { ManualClock } from '../support/manual-clock.js';

function makeDomain() {
  const faults: Fault[] = [];
  return { faults, domain: new FailureDomain('test', (fault) => faults.push(fault)) };
}

const bug = new TypeError('a bug');
const throwBug = (): never => {
  throw bug;
};

describe('FailureDomain', () => {
  it('reports what a callback throws, and runs no callback after it was closed', () => {
    const { domain, faults } = makeDomain();
    const seen: number[] = [];
    const guarded = domain.guard('socket', (n: number) => {
      seen.push(n);
      if (n === 2) throwBug();
    });
    for (const n of [1, 2, 3]) guarded(n);
    domain.close();
    guarded(4);
    expect(seen).toEqual([1, 2, 3]);
    expect(faults).toEqual([{ where: 'socket', cause: bug }]);
  });

  it('leaves only typed errors to the caller that passed the input', () => {
    const { domain, faults } = makeDomain();
    const typed = new SluiceError('live.ended', 'invalid-state', 'x');
    expect(() =>
      domain.guardInput('tag', () => {
        throw typed;
      })(),
    ).toThrow(typed);
    domain.guardInput('tag', throwBug)();
    expect(faults).toEqual([{ where: 'tag', cause: bug }]);
  });

  it('reports rejections and exceptions before there is a promise; the caller goes on', async () => {
    const { domain, faults } = makeDomain();
    await domain.settled('late', () => Promise.reject(bug));
    await domain.settled('at once', throwBug);
    domain.run('unawaited', () => Promise.reject(bug));
    await new Promise(setImmediate);
    expect(faults.map(({ where }) => where)).toEqual(['late', 'at once', 'unawaited']);
  });

  it('owns its timers: reports what they throw, and cancels the pending ones on close', () => {
    const { domain, faults } = makeDomain();
    const clock = new ManualClock();
    const owned = domain.clock(clock);
    owned.after(10, throwBug);
    owned.after(20, throwBug);
    const cancel = owned.after(30, throwBug);
    cancel();
    clock.advance(10);
    expect(faults).toEqual([{ where: 'timer', cause: bug }]);
    expect(clock.pending).toEqual([10]);
    domain.close();
    expect(clock.pending).toEqual([]);
  });

  it('releases all its resources, even if one release throws, and later ones at once', () => {
    const { domain, faults } = makeDomain();
    const released: string[] = [];
    domain.own(() => released.push('a'));
    domain.own(throwBug);
    domain.own(() => released.push('disowned'))();
    domain.own(() => released.push('b'));
    domain.close();
    domain.close();
    domain.own(() => released.push('late'));
    expect(released).toEqual(['a', 'b', 'late']);
    expect(faults).toEqual([{ where: 'release', cause: bug }]);
  });
});

it('callAll calls all functions and throws the first exception', () => {
  const called: number[] = [];
  const call = (n: number): void => {
    called.push(n);
    if (n === 1) throwBug();
    if (n === 2) throw new Error('second');
  };
  expect(() => callAll([1, 2, 3], call)).toThrow(bug);
  expect(called).toEqual([1, 2, 3]);
});
