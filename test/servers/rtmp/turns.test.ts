// How connections with pending work share the event loop.
import { setImmediate as pass } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Turns } from '../../../src/servers/rtmp/session-pump.js';

describe('turns', () => {
  it('C2.07 connections that each use up a pass get one turn per pass, in the order in which they asked', async () => {
    const turns = new Turns();
    const order: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      turns.later(() => {
        order.push(name);
        turns.note(30);
      });
    }
    for (const expected of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
      await pass();
      expect(order).toEqual(expected);
    }
  });

  it('C2.07 a connection that asks again during its turn lets all others go first', async () => {
    const turns = new Turns();
    const order: string[] = [];
    let again = 2;
    const greedy = (): void => {
      order.push('greedy');
      turns.note(30);
      again -= 1;
      if (again > 0) turns.later(greedy);
    };
    turns.later(greedy);
    turns.later(() => order.push('modest'));
    while (order.length < 3) await pass();
    expect(order).toEqual(['greedy', 'modest', 'greedy']);
  });

  it('each following pass has time again, even when nobody waits', async () => {
    const turns = new Turns();
    turns.note(15);
    expect(turns.areUsedUp).toBe(false);
    turns.note(15);
    expect(turns.areUsedUp).toBe(true);
    await pass();
    expect(turns.areUsedUp).toBe(false);
  });

  it('a connection that asks twice gets one turn', async () => {
    const turns = new Turns();
    let taken = 0;
    const turn = (): void => {
      taken += 1;
    };
    turns.later(turn);
    turns.later(turn);
    await pass();
    await pass();
    expect(taken).toBe(1);
  });
});
