// What encoders send as application, name and parameters, and the one name that results.
import { describe, expect, it } from 'vitest';
import { canonicalApp, canonicalStream } from '../../../src/protocols/rtmp/stream-name.js';

/** How clients split their URLs, measured on the wire, with the expected result: `app name ?query`, or an error code. */
const MEASURED: readonly [url: string, app: string, key: string, expected: string][] = [
  ['live', 'live', '', 'rtmp.stream-name'],
  ['live/key/', 'live/key', '', 'live key'],
  ['live/room/key', 'live/room', 'key', 'live/room key'],
  ['live/room/sub/key', 'live/room', 'sub/key', 'live/room/sub key'],
  ['live//key', 'live/', 'key', 'live key'],
  ['live/_definst_/key', 'live/_definst_', 'key', 'live key'],
  ['live?x=1/key', 'live?x=1', 'key', 'live key ?x=1'],
  ['live/key?token=a%20b&x=1', 'live', 'key?token=a%20b&x=1', 'live key ?token=a b&x=1'],
  ['live/key?token=a%20b&x=1 (rtmpsink)', 'live', 'key?token=a b&x=1', 'live key ?token=a b&x=1'],
  ['live/room/key?user=u&pass=p/q', 'live/room', 'key?user=u&pass=p/q', 'live/room key ?user=u&pass=p/q'],
  ['live/key.flv', 'live', 'key', 'live key'],
  ['live/mp4:key', 'live', 'mp4:key', 'live key'],
  ['live/caf%C3%A9', 'live', 'caf%C3%A9', 'rtmp.stream-name'],
  ['us:pw@…/live/key, credentials dropped by the client', 'live', 'key', 'live key'],
];

/** The rows of gortmplib's TestServerConnURL: tcUrl, app, stream key. A path of one segment names no stream here. */
const GORTMPLIB: readonly [name: string, tcUrl: string, app: string, key: string, expected: string][] = [
  ['ffmpeg, one component', 'rtmp://localhost:1935/comp1', 'comp1', '', 'rtmp.stream-name'],
  ['ffmpeg, one component, query', 'rtmp://localhost:1935/comp1?key=val', 'comp1?key=val', '', 'rtmp.stream-name'],
  ['ffmpeg, two components', 'rtmp://localhost:1935/comp1', 'comp1', 'comp2', 'comp1 comp2'],
  ['ffmpeg, two, query', 'rtmp://localhost:1935/comp1', 'comp1', 'comp2?key=val', 'comp1 comp2 ?key=val'],
  ['rtmpsink, one component', 'rtmp://localhost:1935/comp1', 'comp1', '', 'rtmp.stream-name'],
  ['rtmpsink, one component, query', 'rtmp://localhost/comp1?key=val', 'comp1?key=val', '', 'rtmp.stream-name'],
  ['rtmpsink, two components', 'rtmp://localhost/comp1', 'comp1', 'comp2', 'comp1 comp2'],
  ['rtmpsink, two, query', 'rtmp://localhost/comp1', 'comp1', 'comp2?key=val', 'comp1 comp2 ?key=val'],
  ['OBS, one component', 'rtmp://localhost:1935/comp1', 'comp1', '', 'rtmp.stream-name'],
  ['OBS, one, query', 'rtmp://localhost:1935/comp1?key=val&tee=taa', 'comp1?key=val&tee=taa', '', 'rtmp.stream-name'],
  ['OBS, two components', 'rtmp://localhost:1935/comp1/comp2', 'comp1/comp2', '', 'comp1 comp2'],
  ['OBS, two, query', 'rtmp://localhost:1935/comp1/comp2?key=val', 'comp1/comp2?key=val', '', 'comp1 comp2 ?key=val'],
  ['OBS, multi-rendition, one', 'rtmp://localhost/comp1', 'comp1', '', 'rtmp.stream-name'],
  ['OBS, multi-rendition, two', 'rtmp://localhost:1935/comp1/comp2', 'comp1/comp2', '', 'comp1 comp2'],
  [
    'OBS, multi-rendition, two, query',
    'rtmp://localhost:1935/comp1/comp2?key=val',
    'comp1/comp2?key=val',
    '?key=val',
    'comp1 comp2 ?key=val',
  ],
  ['Neko', "'rtmp://localhost:1935/stream", 'stream', 'name', 'stream name'],
  [
    'challenge parameters always stripped',
    'rtmp://localhost:1935/comp1?authmod=adobe&user=myuser&challenge=1234&response=5678',
    'comp1?authmod=adobe&user=myuser&challenge=1234&response=5678',
    'name',
    'comp1 name',
  ],
];

/** Cameras that send the whole URL as the key. */
const WHOLE_URLS: readonly [app: string, key: string, expected: string][] = [
  ['live', 'rtmp://192.168.1.2:1935/live/cam?key=a/b', 'live cam ?key=a/b'],
  ['live', 'rtmp://host/live/room/cam', 'live/room cam'],
  ['live', 'rtmp://host/cam?key=x', 'live cam ?key=x'],
  ['live', 'RTMPS://user:pw@host/live/cam.flv', 'live cam'],
  ['live/cam', 'rtmp://host/live/cam', 'live cam'],
  ['live?key=a', 'rtmp://host//live//cam', 'live cam ?key=a'],
  ['live', 'rtmp://host/live/../../etc/passwd', 'rtmp.stream-name'],
  ['live', 'rtmp://host', 'rtmp.stream-name'],
  ['live', 'rtmp://host/', 'rtmp.stream-name'],
  ['live', 'http://host/live/cam', 'rtmp.stream-name'],
];

function canonical(app: string, name: string, tcUrl?: string): string {
  try {
    const stream = canonicalStream({ app, name, ...(tcUrl !== undefined && { tcUrl }) });
    const query = [...stream.query].map(([key, value]) => `${key}=${value}`).join('&');
    return `${stream.app} ${stream.name}${query === '' ? '' : ` ?${query}`}`;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('canonicalStream', () => {
  it.each(MEASURED)('A5.01 %s', (_url, app, key, expected) => {
    expect(canonical(app, key, `rtmp://127.0.0.1/${app}`)).toBe(expected);
  });

  it.each(WHOLE_URLS)('takes a whole URL by its path: %s + %s', (app, key, expected) => {
    expect(canonical(app, key)).toBe(expected);
  });

  it.each(GORTMPLIB)('A5.01 gortmplib: %s', (_name, tcUrl, app, key, expected) => {
    expect(canonical(app, key, tcUrl)).toBe(expected);
  });

  it.each([
    ['live/', 'key/', 'live key'],
    ['/live', '/key', 'live key'],
    ['live//room', 'key', 'live/room key'],
    ['live', '_definst_/key', 'live key'],
    ['live', 'flv:key', 'live key'],
    ['live', 'key.flv', 'live key'],
    ['live', 'mp4:sub/key.flv', 'live/sub key'],
    ['live', 'mp3:key', 'rtmp.stream-name'],
    ['live', '.flv', 'rtmp.stream-name'],
    ['live', '...flv', 'rtmp.stream-name'],
    ['live/_definst_', '', 'rtmp.stream-name'],
    ['live', '/', 'rtmp.stream-name'],
    ['', 'key', 'rtmp.stream-name'],
  ])('A5.02 slashes, instance, prefix and suffix: %j + %j', (app, key, expected) => {
    expect(canonical(app, key)).toBe(expected);
  });

  it('A5.03 takes each parameter from the key, otherwise from the application, otherwise from the tcUrl', () => {
    expect(canonical('live?a=app&b=app', 'key?a=key', 'rtmp://h/live?a=url&b=url&c=url')).toBe(
      'live key ?a=key&b=app&c=url',
    );
  });

  it('A5.03 keeps all values of a parameter from the first place that has it, and accepts a query alone', () => {
    expect(canonical('live?x=3', 'key?x=1&x=2')).toBe('live key ?x=1&x=2');
    expect(canonical('live/key', '?key=v')).toBe('live key ?key=v');
  });

  it('A5.04 undoes percent-encoding exactly once', () => {
    expect(canonical('li%76e', 'k%65y')).toBe('live key');
    for (const key of ['a%2Fb', '%2e%2e', '%2E', '%00', 'a%zz', '%', '%C3', '%252e%252e', 'a%255f', 'a%5Cb', 'a%0Ab']) {
      expect([key, canonical('live', key)]).toEqual([key, 'rtmp.stream-name']);
    }
  });

  it('A5.05 splits at the first ? only and keeps / + = & ? in a token', () => {
    expect(canonical('live', 'key?key=a/b+c==&d=?e')).toBe('live key ?key=a/b+c==&d=?e');
    expect(canonical('live', 'key?flag&&=x&%zz=%zz')).toBe('live key ?flag=&=x&%zz=%zz');
  });

  it('A5.06 gives one stream one application, wherever the encoder splits the path', () => {
    for (const [app, key] of [
      ['live', 'room/key'],
      ['live/room', 'key'],
      ['live/room/key', ''],
    ] as const) {
      expect(canonical(app, key)).toBe('live/room key');
    }
  });

  it('A5.07 keeps the case, takes 255 bytes and no more', () => {
    expect(canonical('Live', 'KEY')).toBe('Live KEY');
    expect(canonical('live', 'k'.repeat(255))).toBe(`live ${'k'.repeat(255)}`);
    expect(canonical('live', 'k'.repeat(256))).toBe('rtmp.stream-name');
    expect(canonical('a'.repeat(256), 'key')).toBe('rtmp.app-name');
    expect(canonical(`${'a/'.repeat(128)}b`, 'key')).toBe('rtmp.app-name');
  });

  it.each([
    '..',
    '.',
    'a/../b',
    '../etc/passwd',
    '/etc/passwd',
    '//etc/passwd',
    '..\\x',
    'a b',
    'a;id',
    '-i',
    '%2di',
    '$(touch x)',
    '`id`',
    'a|b',
    'a\nb',
    'a\0b',
    '"a"',
    "a'b",
    'a#b',
    '\u2024\u2024',
    'é',
  ])('C3.01 C3.03 refuses the name %j', (key) => {
    expect(canonical('live', key)).toBe('rtmp.stream-name');
  });

  it('C3.03 refuses the same in the application', () => {
    for (const app of ['..', 'live/..', '%2e%2e', 'a b', 'live/%2F', 'l\u0000']) {
      expect([app, canonical(app, 'key')]).toEqual([app, 'rtmp.app-name']);
    }
  });

  it('C3.07 repeats nothing of the request in its errors', () => {
    for (const [app, name] of [
      ['live', 'secret secret'],
      ['secret secret', 'key'],
      ['live', `secret${'k'.repeat(300)}`],
      ['live', 'secret%zz'],
    ] as const) {
      expect(() => canonicalStream({ app, name })).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('secret') }),
      );
    }
  });

  it('C3.08 keeps dangerous parameter names as plain names', () => {
    const { query } = canonicalStream({ app: 'live', name: 'key?__proto__=1&constructor=2&toString=3' });
    expect([...query]).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
      ['toString', '3'],
    ]);
  });

  it('parses a query of 100,000 parameters in time that grows linearly', () => {
    const name = `key?${Array.from({ length: 100_000 }, (_, index) => `p${index}=1`).join('&')}`;
    expect(canonicalStream({ app: 'live', name }).query.size).toBe(100_000);
  });
});

describe('canonicalApp', () => {
  it.each([
    ['live', 'live'],
    ['live/', 'live'],
    ['live/room?x=1', 'live/room'],
    ['live/_definst_', 'live'],
  ])('%j is %j', (app, expected) => {
    expect(canonicalApp(app)).toBe(expected);
  });

  it.each(['', '/', '?x=1', '..', 'a'.repeat(256)])('refuses %j', (app) => {
    expect(() => canonicalApp(app)).toThrow(expect.objectContaining({ code: 'rtmp.app-name' }));
  });
});
