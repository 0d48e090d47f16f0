import { closeSync, openSync, readdirSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DescriptorReserve } from '../../../src/servers/rtmp/descriptor-reserve.js';
import { strictDomain } from '../../support/failure-domain.js';

const descriptors = () => readdirSync('/proc/self/fd').length;

describe('C4.04 reserved descriptors', () => {
  it('are refused to connections, unless no limit is known', () => {
    let free = 0;
    const guards = (limit: number | undefined) => {
      const reserve = new DescriptorReserve(limit, strictDomain(), () => free);
      const [viewers, encoders] = [reserve.guard('viewers'), reserve.guard('encoders')];
      return (lowestFree: number) => {
        free = lowestFree;
        return { viewers: viewers.refuses(), encoders: encoders.refuses() };
      };
    };
    // The connection itself has the previous number.
    const of256 = guards(256);
    expect(of256(192)).toEqual({ viewers: false, encoders: false });
    expect(of256(193)).toEqual({ viewers: true, encoders: false });
    expect(of256(225)).toEqual({ viewers: true, encoders: true });
    expect(guards(undefined)(1_000_000)).toEqual({ viewers: false, encoders: false });
  });

  it('are computed from the number of descriptors in use', () => {
    const held = Array.from({ length: 20 }, () => openSync('/', 'r'));
    onTestFinished(() => {
      for (const descriptor of held) closeSync(descriptor);
    });
    // One limit whose reserve begins below the descriptors in use, and one far above.
    expect(
      new DescriptorReserve(Math.floor(((held.at(-1) ?? 0) * 4) / 3), strictDomain()).guard('viewers').refuses(),
    ).toBe(true);
    expect(new DescriptorReserve(1_000_000, strictDomain()).guard('viewers').refuses()).toBe(false);
  });

  it('include a spare one that is released when accepting fails; connections are refused until it is opened again', async () => {
    const before = descriptors();
    const reserve = new DescriptorReserve(256, strictDomain(), () => 3);
    const [viewers, encoders] = [reserve.guard('viewers'), reserve.guard('encoders')];
    onTestFinished(() => reserve.close());
    reserve.open();
    expect(descriptors()).toBe(before + 1);
    viewers.acceptFailed();
    expect(descriptors()).toBe(before);
    // libuv retries at once, when there is no spare descriptor left.
    viewers.acceptFailed();
    expect(viewers.refuses()).toBe(true);
    expect(encoders.refuses()).toBe(true);
    await expect.poll(() => viewers.refuses()).toBe(false);
    expect(descriptors()).toBe(before + 1);
    reserve.close();
    expect(descriptors()).toBe(before);
  });
});
