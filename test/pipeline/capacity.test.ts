// Who may encode on a machine whose processors are as busy as the test says.
import { describe, expect, it } from 'vitest';
import { Capacity, TranscodePlace } from '../../src/pipeline/capacity.js';
import { ManualClock } from '../support/manual-clock.js';

interface Machine {
  readonly cores?: number;
  readonly maxTranscodes?: number;
  readonly tellsOurs?: boolean;
}

function machine(options: Machine = {}) {
  const clock = new ManualClock();
  let [busyShare, othersShare] = [0, 0];
  let [busy, ours] = [0, 0];
  let since = 0;
  const settle = (): void => {
    busy += (clock.now() - since) * (busyShare + othersShare);
    ours += (clock.now() - since) * busyShare;
    since = clock.now();
  };
  const capacity = new Capacity({
    clock,
    maxTranscodes: options.maxTranscodes ?? 0,
    cores: options.cores ?? 4,
    cpuTimes: () => {
      settle();
      return { busy, total: since, ...(options.tellsOurs !== false && { ours }) };
    },
  });
  /** @param share of this program and its FFmpegs @param others of all other programs */
  const load = (share: number, others = 0): void => {
    settle();
    busyShare = share;
    othersShare = others;
  };
  return { clock, capacity, load };
}

function admitted(capacity: Capacity): boolean {
  return capacity.admit().admitted;
}

describe('Capacity', () => {
  it('C4.11 admits what fits beside what runs, judged by what those cost', () => {
    const { clock, capacity, load } = machine();
    expect(admitted(capacity)).toBe(true);
    load(0.3);
    clock.advance(6_000);
    expect(capacity.busyShare).toBeCloseTo(0.3);
    expect(admitted(capacity)).toBe(true);
    load(0.6);
    clock.advance(6_000);
    expect(admitted(capacity)).toBe(true);
    load(0.9);
    clock.advance(6_000);
    const refusal = capacity.admit();
    expect(refusal).toMatchObject({ admitted: false, reason: expect.stringContaining('90 % busy with 3 transcodes') });
    expect(capacity.counters).toEqual({ shed: 0, refused: 1 });
  });

  it('does not put down what other programs use to the transcodes that run', () => {
    const { clock, capacity, load } = machine();
    expect(admitted(capacity)).toBe(true);
    // An encoder beside the gateway takes all that is left.
    load(0.2, 0.78);
    clock.advance(6_000);
    expect(capacity.busyShare).toBeCloseTo(0.98);
    expect(capacity.ownShare).toBeCloseTo(0.2);
    expect(admitted(capacity)).toBe(true);
    load(0.4, 0.58);
    clock.advance(6_000);
    // A third one: 60 % of a machine of which others want more than half.
    const refusal = capacity.admit();
    expect(refusal).toMatchObject({
      admitted: false,
      reason: 'processors are 40 % busy with 2 transcodes, one more would need 60 %, and other programs use 58 %',
    });
    load(0.4, 0.3);
    clock.advance(6_000);
    expect(admitted(capacity)).toBe(true);
  });

  it('takes all for its own where nobody tells whose it is', () => {
    const { clock, capacity, load } = machine({ tellsOurs: false });
    expect(admitted(capacity)).toBe(true);
    load(0.2, 0.4);
    clock.advance(6_000);
    expect(capacity.ownShare).toBeUndefined();
    expect(admitted(capacity)).toBe(false);
  });

  it('counts those that have just begun, whose cost nobody has seen', () => {
    const { clock, capacity, load } = machine({ cores: 4 });
    expect([admitted(capacity), admitted(capacity), admitted(capacity)]).toEqual([true, true, false]);
    load(0.4);
    clock.advance(6_000);
    // 20 % each: two more fit, the third would make 100 %.
    expect([admitted(capacity), admitted(capacity), admitted(capacity)]).toEqual([true, true, false]);
  });

  it('tries the first stream whatever else the machine does', () => {
    const { clock, capacity, load } = machine();
    load(1);
    clock.advance(6_000);
    expect(admitted(capacity)).toBe(true);
  });

  it('C4.11 is full for a minute after a rung had to go', () => {
    const { clock, capacity, load } = machine();
    capacity.admit();
    load(0.1);
    clock.advance(6_000);
    capacity.noteShed();
    expect(admitted(capacity)).toBe(false);
    clock.advance(60_000);
    expect(admitted(capacity)).toBe(true);
  });

  it('keeps to a number when it is given one, and gives places back', () => {
    const { clock, capacity } = machine({ maxTranscodes: 2 });
    const [one, two, three] = [1, 2, 3].map(() => new TranscodePlace(capacity));
    expect([one?.take(), two?.take(), three?.take()]).toEqual([undefined, undefined, expect.stringContaining('limit')]);
    expect(one?.take()).toBeUndefined();
    expect(capacity.transcodes).toBe(2);
    one?.release();
    one?.release();
    expect(capacity.transcodes).toBe(1);
    expect(three?.take()).toBeUndefined();
    expect(clock.pending).toEqual([]);
  });

  it('measures only while something runs', () => {
    const { clock, capacity } = machine();
    expect(clock.pending).toEqual([]);
    const place = new TranscodePlace(capacity);
    place.take();
    expect(clock.pending).toHaveLength(1);
    place.release();
    expect(clock.pending).toEqual([]);
  });
});
