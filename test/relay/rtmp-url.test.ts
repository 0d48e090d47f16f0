// URLs of other servers: split as FFmpeg splits them (rtmpproto.c), kept byte by byte, and never shown with their secrets.
import { describe, expect, it } from 'vitest';
import { parseRtmpUrl, withoutSecrets } from '../../src/relay/rtmp-url.js';

/** URL, application, stream name, tcUrl. */
const SPLITS: readonly (readonly [string, string, string, string])[] = [
  ['rtmp://h/app/key', 'app', 'key', 'rtmp://h:1935/app'],
  ['rtmp://h:1936/app/key', 'app', 'key', 'rtmp://h:1936/app'],
  ['rtmps://h/app/key', 'app', 'key', 'rtmps://h:443/app'],
  ['rtmp://h/app/instance/key', 'app/instance', 'key', 'rtmp://h:1935/app/instance'],
  ['rtmp://h/app/instance/key/more', 'app/instance', 'key/more', 'rtmp://h:1935/app/instance'],
  ['rtmp://h/app/mp4:dir/file', 'app', 'mp4:dir/file', 'rtmp://h:1935/app'],
  ['rtmp://h/app/key?a=1&b=%2F2', 'app', 'key?a=1&b=%2F2', 'rtmp://h:1935/app'],
  ['rtmp://h/app/key?path=/x/y', 'app', 'key?path=/x/y', 'rtmp://h:1935/app'],
  ['rtmp://h/app?token=t/key', 'app?token=t', 'key', 'rtmp://h:1935/app?token=t'],
  ['rtmp://h/app/k%20e%zzy', 'app', 'k%20e%zzy', 'rtmp://h:1935/app'],
  ['rtmp://h/a/b/c#key', 'a/b/c', 'key', 'rtmp://h:1935/a/b/c'],
  ['rtmp://h/app/#key?x=1', 'app', 'key?x=1', 'rtmp://h:1935/app'],
  ['rtmp://user:p:a@ss@h/app/key', 'app', 'key', 'rtmp://h:1935/app'],
  ['RTMP://[::1]:1936/app/key', 'app', 'key', 'rtmp://[::1]:1936/app'],
];

describe('parseRtmpUrl', () => {
  it.each(SPLITS)('H1.12 splits %s', (url, app, streamName, tcUrl) => {
    expect(parseRtmpUrl(url)).toMatchObject({ app, streamName, tcUrl });
  });

  it('H1.12 takes user and password as they are written', () => {
    expect(parseRtmpUrl('rtmp://us%40er:p:a@ss@h/app/key').user).toEqual({ name: 'us%40er', password: 'p:a@ss' });
  });

  it.each([
    'http://h/app/key',
    'rtmp://h/app',
    'rtmp://h/app/',
    'rtmp:///app/key',
    'rtmp://h:0/app/key',
    'rtmp://h:99999/app/key',
    'rtmp://[h]/app/key',
    'rtmp://h/app/secret key',
    'rtmp://h/app/secret\nkey',
    `rtmp://h/app/${'x'.repeat(2_100)}`,
  ])('H1.11 refuses %j without repeating it', (url) => {
    expect(() => parseRtmpUrl(url)).toThrow(expect.objectContaining({ code: 'relay.url' }));
    try {
      parseRtmpUrl(url);
    } catch (error) {
      expect(String(error)).not.toMatch(/secret|xxx/);
    }
  });

  it('H1.11 shows scheme, host and application only', () => {
    const shown = (url: string) => parseRtmpUrl(url).shown;
    expect(shown('rtmp://user:pass@h/app/key?x=1')).toBe('rtmp://h/app/•••');
    expect(shown('rtmps://h:443/app?token=t/key')).toBe('rtmps://h/app/•••');
  });

  it('H1.11 removes every secret from the text of a server, in any spelling', () => {
    const url = parseRtmpUrl('rtmp://bob:pa55word@h/live?tok=abcd/na%2Fme?key=s3cret&sig=sigsig');
    const said = 'live: na%2Fme?key=s3cret&sig=sigsig or na/me, s3cret, sigsig, pa55word, bob, abcd are wrong in live';
    expect(withoutSecrets(said, url)).toBe('live: ••• or •••, •••, •••, •••, •••, ••• are wrong in live');
  });
});
