import { readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DescriptorReserve } from '../../../src/servers/rtmp/descriptor-reserve.js';

const socketOf = (fd: unknown) => ({ _handle: { fd } }) as unknown as Socket;
const descriptors = () => readdirSync('/proc/self/fd').length;

describe('C4.04 descriptors that connections may not have', () => {
  it('refuses what was given a number of the reserve, and nothing where no limit or no number is known', () => {
    const reserve = new DescriptorReserve(256);
    const viewers = reserve.guard('viewers');
    expect(viewers.refuses(socketOf(191))).toBe(false);
    expect(viewers.refuses(socketOf(192))).toBe(true);
    expect(reserve.guard('encoders').refuses(socketOf(223))).toBe(false);
    expect(reserve.guard('encoders').refuses(socketOf(224))).toBe(true);
    expect(viewers.refuses(socketOf(undefined))).toBe(false);
    expect(viewers.refuses({ _handle: null } as unknown as Socket)).toBe(false);
    expect(new DescriptorReserve(undefined).guard('viewers').refuses(socketOf(1_000_000))).toBe(false);
  });

  it('gives its spare one away when accepting fails, refuses all until it has one again, and lets it go at the end', async () => {
    const before = descriptors();
    const reserve = new DescriptorReserve(256);
    const [viewers, encoders] = [reserve.guard('viewers'), reserve.guard('encoders')];
    onTestFinished(() => reserve.close());
    reserve.open();
    expect(descriptors()).toBe(before + 1);
    viewers.acceptFailed();
    expect(descriptors()).toBe(before);
    // libuv tries again at once, with nothing left to give.
    viewers.acceptFailed();
    expect(viewers.refuses(socketOf(3))).toBe(true);
    expect(encoders.refuses(socketOf(3))).toBe(true);
    await expect.poll(() => viewers.refuses(socketOf(3))).toBe(false);
    expect(descriptors()).toBe(before + 1);
    reserve.close();
    expect(descriptors()).toBe(before);
  });
});
