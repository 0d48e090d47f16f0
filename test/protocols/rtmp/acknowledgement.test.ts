// When acknowledgements are due and what they count. Encoders stall if one is missing, and after 4 GiB if the count is wrong.
import { describe, expect, it } from 'vitest';
import { AcknowledgementCounter } from '../../../src/protocols/rtmp/message-transport.js';

describe('AcknowledgementCounter', () => {
  it('A3.01 is due every half window, and counts all bytes received (A3.02)', () => {
    const counter = new AcknowledgementCounter();
    counter.windowSize = 1000;
    const sent: (number | undefined)[] = [];
    for (let round = 0; round < 6; round += 1) {
      counter.received(250);
      sent.push(counter.due());
    }
    expect(sent).toEqual([undefined, 500, undefined, 1000, undefined, 1500]);
  });

  it('A3.04 uses a window of 2.5 MB for a peer that never sent one', () => {
    const counter = new AcknowledgementCounter();
    counter.received(1_249_999);
    expect(counter.due()).toBeUndefined();
    counter.received(1);
    expect(counter.due()).toBe(1_250_000);
  });

  it('A3.03 continues beyond 4 GiB, modulo 2^32', () => {
    const start = 2 ** 32 - 2 ** 20;
    const counter = new AcknowledgementCounter(start);
    counter.windowSize = 2 ** 20;
    const sent: number[] = [];
    for (let total = 0; total < 4 * 2 ** 20; total += 2 ** 19) {
      counter.received(2 ** 19);
      const due = counter.due();
      if (due !== undefined) sent.push(due);
    }
    expect(sent).toEqual([2 ** 32 - 2 ** 19, 0, ...[1, 2, 3, 4, 5, 6].map((half) => half * 2 ** 19)]);
    expect(counter.receivedBytes).toBe(start + 4 * 2 ** 20);
  });

  it('C2.08 never answers with more bytes than it received, however small the window is', () => {
    const counter = new AcknowledgementCounter();
    counter.windowSize = 1;
    let acknowledgements = 0;
    for (let index = 0; index < 1000; index += 1) {
      counter.received(1);
      if (counter.due() !== undefined) acknowledgements += 1;
    }
    expect(acknowledgements * 16).toBeLessThanOrEqual(1000);
    counter.windowSize = 0;
    counter.received(32);
    expect(counter.due()).toBeDefined();
  });
});
