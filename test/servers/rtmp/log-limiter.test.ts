// Many equal failures become a few log lines and a count.
import { describe, expect, it } from 'vitest';
import { LogLimiter } from '../../../src/servers/rtmp/log-limiter.js';

describe('log limiter', () => {
  it('C3.05 passes 20 lines of a kind in 10 s, and then logs how many it suppressed', () => {
    let now = 0;
    const limiter = new LogLimiter(() => now);
    const admitted = Array.from({ length: 100 }, () => limiter.admit('rtmp.version')).filter(
      (fields) => fields !== undefined,
    );
    expect(admitted).toHaveLength(20);
    expect(limiter.admit('other')).toEqual({});
    now = 10_000;
    expect(limiter.admit('rtmp.version')).toEqual({ suppressed: 80 });
    expect(limiter.admit('rtmp.version')).toEqual({});
  });
});
