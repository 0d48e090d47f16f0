// How many connections the limit of open files allows, so that streams keep theirs.
import { describe, expect, it } from 'vitest';
import {
  connectionsBeside,
  connectionsWithin,
  parseOpenFileLimit,
  reservedFrom,
} from '../../../src/servers/rtmp/open-file-limit.js';

describe('C4.04 open file limit', () => {
  it('is read from /proc/self/limits', () => {
    const limits = [
      'Limit                     Soft Limit           Hard Limit           Units     ',
      'Max processes             98617                98617                processes ',
      'Max open files            256                  1048576              files     ',
    ].join('\n');
    expect(parseOpenFileLimit(limits)).toBe(256);
    expect(parseOpenFileLimit('')).toBeUndefined();
    expect(parseOpenFileLimit(limits.replace('256 ', 'unlimited '))).toBeUndefined();
  });

  it('leaves half of the descriptors to everything else', () => {
    expect(connectionsWithin(500, 256)).toBe(128);
    expect(connectionsWithin(500, 1_048_576)).toBe(500);
    expect(connectionsWithin(500, undefined)).toBe(500);
    // For HTTP, with a quarter or 1024 for segments and FFmpeg.
    expect(connectionsBeside(500, 256)).toBe(64);
    expect(connectionsBeside(500, 20_000)).toBe(18_476);
    expect(connectionsBeside(500, undefined)).toBeUndefined();
    // The last ones are reserved for everything but connections. Of those before them, encoders may use some that viewers may not.
    expect(reservedFrom(256, 'viewers')).toBe(192);
    expect(reservedFrom(256, 'encoders')).toBe(224);
    expect(reservedFrom(20_000, 'encoders')).toBe(19_488);
    expect(reservedFrom(undefined, 'viewers')).toBeUndefined();
  });
});
