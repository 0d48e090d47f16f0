// Which streams may be encoded on a machine. The test sets how busy its processors are.
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
  /**
   * @param share used by this program and its FFmpegs
   * @param others used by all other programs
   */
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
  it('C4.11 admits a stream that fits beside the running ones, judged by their cost', () => {
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

  it('does not attribute the load of other programs to running transcodes', () => {
    const { clock, capacity, load } = machine();
    expect(admitted(capacity)).toBe(true);
    // An encoder beside the gateway uses all that is left.
    load(0.2, 0.78);
    clock.advance(6_000);
    expect(capacity.busyShare).toBeCloseTo(0.98);
    expect(capacity.ownShare).toBeCloseTo(0.2);
    expect(admitted(capacity)).toBe(true);
    load(0.4, 0.58);
    clock.advance(6_000);
    // A third one would use 60 % of the machine, while other programs need more than half of it.
    const refusal = capacity.admit();
    expect(refusal).toMatchObject({
      admitted: false,
      reason: 'processors are 40 % busy with 2 transcodes, one more would need 60 %, and other programs use 58 %',
    });
    load(0.4, 0.3);
    clock.advance(6_000);
    expect(admitted(capacity)).toBe(true);
  });

  it('attributes all load to itself if the load by process is unknown', () => {
    const { clock, capacity, load } = machine({ tellsOurs: false });
    expect(admitted(capacity)).toBe(true);
    load(0.2, 0.4);
    clock.advance(6_000);
    expect(capacity.ownShare).toBeUndefined();
    expect(admitted(capacity)).toBe(false);
  });

  it('counts transcodes that have just begun, although their cost was not measured yet', () => {
    const { clock, capacity, load } = machine({ cores: 4 });
    expect([admitted(capacity), admitted(capacity), admitted(capacity)]).toEqual([true, true, false]);
    load(0.4);
    clock.advance(6_000);
    // 20 % each: two more fit, a third one would make 100 %.
    expect([admitted(capacity), admitted(capacity), admitted(capacity)]).toEqual([true, true, false]);
  });

  it('admits the first stream however busy other programs are', () => {
    const { clock, capacity, load } = machine();
    load(1);
    clock.advance(6_000);
    expect(admitted(capacity)).toBe(true);
  });

  it('C4.11 is full for a minute after a rung was withdrawn', () => {
    const { clock, capacity, load } = machine();
    capacity.admit();
    load(0.1);
    clock.advance(6_000);
    capacity.noteShed();
    expect(admitted(capacity)).toBe(false);
    clock.advance(60_000);
    expect(admitted(capacity)).toBe(true);
  });

  it('obeys a fixed number, and reuses released places', () => {
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

  it('measures only while a transcode runs', () => {
    const { clock, capacity } = machine();
    expect(clock.pending).toEqual([]);
    const place = new TranscodePlace(capacity);
    place.take();
    expect(clock.pending).toHaveLength(1);
    place.release();
    expect(clock.pending).toEqual([]);
  });
});
