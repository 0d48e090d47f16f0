// The status code and the text that an encoder shows its user, for each kind of error.
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../../../src/protocols/errors.js';
import { toStatusReason } from '../../../src/servers/rtmp/status-reason.js';

describe('status reason', () => {
  it.each([
    ['live.name-taken', 'limit', 'NetStream.Publish.BadName'],
    ['access.publish-denied', 'denied', 'NetStream.Publish.Denied'],
    ['live.too-many', 'limit', 'NetStream.Publish.Rejected'],
    ['live.codec', 'unsupported', 'NetStream.Publish.Rejected'],
    ['flv.tag', 'invalid-data', 'NetStream.Publish.Rejected'],
    ['live.state', 'invalid-state', 'NetStream.Publish.Rejected'],
    ['transcode.gave-up', 'unavailable', 'NetStream.Failed'],
  ] as const)('A4.15 %s (%s) -> %s', (code, kind, expected) => {
    expect(toStatusReason(new SluiceError(code, kind, 'got x,\nexpected y'))).toEqual({
      code: expected,
      description: 'got x,\\u{a}expected y',
    });
  });
});
