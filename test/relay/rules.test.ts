// The small rules of targets: pauses, authentication, codecs, presets, streams and hosts.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { AdobeChallenge } from '../../src/access/adobe-challenge.js';
import { hashPassword } from '../../src/access/password-hash.js';
import { UserDirectory } from '../../src/access/user-directory.js';
import { answerAuthentication } from '../../src/relay/authmod.js';
import { pauseAfter } from '../../src/relay/backoff.js';
import { codecFault } from '../../src/relay/codec-fit.js';
import { PresetCheck } from '../../src/relay/preset-check.js';
import { PRESETS, type Preset } from '../../src/relay/presets.js';
import { PushTargets } from '../../src/relay/push-targets.js';
import { parseRtmpUrl } from '../../src/relay/rtmp-url.js';
import type { RelayTag } from '../../src/relay/stream-source.js';
import { checkedTarget, matchesStream } from '../../src/relay/target-definition.js';
import { parseTargets, targetsText } from '../../src/relay/target-file.js';
import { movedUrl } from '../../src/relay/target-moves.js';
import { ManualClock } from '../support/manual-clock.js';

const frame = (fields: Partial<RelayTag>): RelayTag => ({
  ...{ kind: 'video', dts: 0, keyFrame: false, sequenceHeader: false, body: Buffer.alloc(0), codec: 'avc' },
  ...fields,
});

describe('pauses', () => {
  it('H1.04 grow from 1 s to 30 s, with a random part', () => {
    const pauses = (random: number) => [1, 2, 3, 4, 5, 6, 50].map((failures) => pauseAfter(failures, random));
    expect(pauses(0).map(Math.round)).toEqual([1000, 2000, 4000, 8000, 16_000, 23_077, 23_077]);
    expect(Math.max(...pauses(1))).toBeCloseTo(30_000);
    expect(Math.min(...pauses(1))).toBe(1_300);
  });
});

describe('authentication', () => {
  const user = { name: 'bob', password: 'pass' };

  it('H1.14 answers authmod=adobe so that our own server accepts it', () => {
    const users = new UserDirectory([{ name: 'bob', hash: hashPassword('bob', 'pass') }]);
    const challenge = new AdobeChallenge(users);
    const first = answerAuthentication('[ code=403 need auth; authmod=adobe ]', 'live', user);
    expect(first).toEqual({ type: 'query', query: 'authmod=adobe&user=bob' });
    const step = answerAuthentication(challenge.challenge('bob', '192.0.2.1', 0), 'live', user);
    const fields = Object.fromEntries(
      (step.type === 'query' ? step.query : '')
        .split('&')
        .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    );
    const { challenge: own = '', response = '', opaque = '' } = fields;
    expect(challenge.check({ user: 'bob', challenge: own, response, opaque }, '192.0.2.1', 0)).toBe(true);
  });

  it('H1.14 answers authmod=llnw as RFC 2617 computes it', () => {
    const said = '[ AccessManager.Reject ] : [ authmod=llnw ] : ?reason=needauth&user=bob&nonce=abc';
    const md5 = (text: string) => createHash('md5').update(text).digest('hex');
    const response = md5(`${md5('bob:live:pass')}:abc:00000001:01020304:auth:${md5('publish:/live/_definst_')}`);
    expect(answerAuthentication(said, 'live', user, '01020304')).toEqual({
      type: 'query',
      query: `authmod=llnw&user=bob&nonce=abc&cnonce=01020304&nc=00000001&response=${response}`,
    });
  });

  it('H1.14 does not try a refused password again', () => {
    const said = '[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=authfailed&opaque=x';
    expect(answerAuthentication(said, 'live', user)).toEqual({ type: 'refused' });
    expect(answerAuthentication('no such stream', 'live', user)).toEqual({ type: 'none' });
  });
});

describe('codecs', () => {
  it.each([
    ['avc', {}, [], undefined],
    ['hevc', {}, [], 'announces only h264; the stream has HEVC'],
    ['hevc', {}, ['hevc'], undefined],
    ['hevc', { fourCcList: ['av01', 'hvc1'] }, [], undefined],
    ['av1', { fourCcList: ['hvc1'] }, [], 'announces only h264; the stream has AV1'],
    ['vp9', { fourCcList: ['*'] }, [], undefined],
    ['av1', { videoFourCcInfoMap: new Map([['av01', 4]]) }, [], undefined],
  ] as const)('H1.13 %s to a server that announces %j', (codec, capabilities, declared, message) => {
    expect(codecFault(frame({ codec }), capabilities, declared)?.message).toBe(message);
  });

  it('H1.13 sound: AAC goes everywhere, Opus only where it is announced', () => {
    const sound = (codec: 'aac' | 'opus') => frame({ kind: 'audio', codec });
    expect(codecFault(sound('aac'), {}, [])).toBeUndefined();
    expect(codecFault(sound('opus'), {}, [])?.message).toContain('announces only aac');
    expect(codecFault(sound('opus'), { fourCcList: ['Opus'] }, [])).toBeUndefined();
  });
});

describe('presets', () => {
  const check = (preset: Preset, secure = true) => new PresetCheck(preset, { secure });
  const twitch = PRESETS.twitch as Preset;

  it('H1.15 warns about key frames that are too far apart, once', () => {
    const measured = check(twitch);
    for (let dts = 0; dts < 9_000; dts += 1_000) measured.see(frame({ dts, keyFrame: dts % 3_000 === 0 }));
    expect(measured.warnings).toEqual(['Twitch asks for a key frame every 2 s; two were 3.0 s apart']);
  });

  it('H1.15 warns about bit rates beyond the limit, and not about those within it', () => {
    const rates = (kilobits: number) => {
      const measured = check(twitch);
      for (let dts = 0; dts <= 10_000; dts += 100) {
        measured.see(frame({ dts, keyFrame: dts % 2_000 === 0, body: Buffer.alloc((kilobits * 100) / 8) }));
      }
      return measured.warnings;
    };
    expect(rates(5_900)).toEqual([]);
    expect(rates(8_000)).toEqual(['Twitch accepts at most 6000 kbit/s of video; the stream has 8080']);
  });

  it('H1.15 warns about codec, profile and a connection without TLS', () => {
    const facebook = check(PRESETS.facebook as Preset, false);
    facebook.see(frame({ sequenceHeader: true, body: Buffer.from([0x17, 0, 0, 0, 0, 1, 100, 0, 31]) }));
    facebook.see(frame({ sequenceHeader: true, codec: 'hevc' }));
    expect(facebook.warnings).toEqual([
      'Facebook accepts only rtmps://',
      'Facebook asks for the H.264 profile Main; the stream has profile_idc 100',
      'Facebook does not list HEVC',
    ]);
  });
});

describe('targets', () => {
  it.each([
    ['live/cam', 'live', 'cam', true],
    ['live/*', 'live', 'cam', true],
    ['*/*', 'other', 'x.y', true],
    ['live/cam*', 'live', 'cam2', true],
    ['live/c.m', 'live', 'cam', false],
    ['live/cam', 'live', 'camera', false],
    ['live/*', 'live2', 'cam', false],
  ])('H1.01 the pattern %s and %s/%s: %s', (pattern, app, name, matches) => {
    expect(matchesStream(pattern, { app, name })).toBe(matches);
  });

  it('H1.19 a host that is not in relayHosts is refused', () => {
    const hosts = ['*.twitch.tv', 'Backup.example'];
    const url = (host: string) => checkedTarget({ url: `rtmp://${host}/app/key` }, hosts).url;
    expect(url('live.twitch.tv')).toBe('rtmp://live.twitch.tv/app/key');
    expect(url('backup.example')).toBe('rtmp://backup.example/app/key');
    for (const host of ['twitch.tv.evil.example', 'eviltwitch.tv', '127.0.0.1', 'live.twitch.tv@evil.example']) {
      expect(() => url(host)).toThrow(expect.objectContaining({ code: 'relay.host' }));
    }
    expect(checkedTarget({ url: 'rtmp://127.0.0.1/app/key' }, []).url).toBeDefined();
  });

  it('H1.19 a server moves a target neither into a private network nor to a host that is not allowed', () => {
    const at = (host: string) => parseRtmpUrl(`rtmp://${host}/app/key`);
    expect(movedUrl('rtmp://other.example/app', at('live.example'), []).host).toBe('other.example');
    expect(movedUrl('rtmp://127.0.0.1:1936/app', at('127.0.0.1'), []).port).toBe(1936);
    for (const host of ['127.0.0.1', '10.1.2.3', '[::1]', '[::ffff:10.0.0.1]', 'localhost', '2130706433', '0x7f.1']) {
      const move = () => movedUrl(`rtmp://${host}/app`, at('live.example'), []);
      expect(move, host).toThrow(expect.objectContaining({ code: 'relay.host' }));
    }
    const move = () => movedUrl('rtmp://other.example/app', at('live.example'), ['live.example']);
    expect(move).toThrow(expect.objectContaining({ code: 'relay.host' }));
  });

  it('H1.05 a target of the file that cannot be used for a stream affects neither its publisher nor other targets', async () => {
    const text = targetsText([
      {
        id: 'long',
        stream: '*/*',
        url: `rtmp://127.0.0.1/a/${'{name}'.repeat(300)}`,
        configured: false,
        stopped: false,
      },
      { id: 'host', stream: '*/*', url: 'rtmp://elsewhere.example/a/k', configured: false, stopped: false },
      { id: 'good', stream: '*/*', url: 'rtmp://127.0.0.1/a/k', configured: false, stopped: false },
    ]);
    const warned: unknown[] = [];
    const opened: object[] = [];
    const silent = () => undefined;
    const targets = new PushTargets({
      ...{ configured: [], hosts: ['127.0.0.1'], clock: new ManualClock(), ownPorts: () => [], onState: silent },
      store: { read: async () => ({ version: '1', text }), change: async () => undefined },
      streams: { list: () => [], open: (stream) => void opened.push(stream) },
      logger: { debug: silent, info: silent, error: silent, warn: (fields) => void warned.push(fields) },
    });
    await targets.open();
    targets.streamStarted({ app: 'live', name: 'a-long-name' });
    await targets.close();
    expect(warned).toMatchObject([
      { target: 'long', code: 'relay.url' },
      { target: 'host', code: 'relay.host' },
    ]);
    expect(opened).toEqual([{ app: 'live', name: 'a-long-name' }]);
  });

  it('matches a pattern of many stars without trying every division of the name', () => {
    expect(matchesStream(`live/${'*a'.repeat(100)}*b`, { app: 'live', name: 'a'.repeat(250) })).toBe(false);
    expect(matchesStream(`live/${'*a'.repeat(100)}*b`, { app: 'live', name: `${'a'.repeat(250)}b` })).toBe(true);
    expect(matchesStream('live/ab*ba', { app: 'live', name: 'aba' })).toBe(false);
  });

  it('H1.15 with a preset, only the key is needed', () => {
    expect(checkedTarget({ url: 'my-key', preset: 'twitch' }, []).url).toBe('rtmp://live.twitch.tv/app/my-key');
    expect(() => checkedTarget({ url: 'my-key' }, [])).toThrow('cannot use the URL');
    expect(() => checkedTarget({ url: 'my-key', preset: 'ivs' }, [])).toThrow('cannot use the URL');
    expect(() => checkedTarget({ preset: 'myspace' }, [])).toThrow('there is no such preset');
  });

  it('H1.01 the file is read back as it was written; a broken one is an error, never an empty list', () => {
    const target = { id: 'a', stream: 'live/*', url: 'rtmp://h/a/k', title: 'T', codecs: ['hevc'], stopped: true };
    const stored = { ...target, configured: false };
    expect(parseTargets(targetsText([stored]))).toEqual([stored]);
    expect(parseTargets(undefined)).toEqual([]);
    for (const text of [
      '{',
      '[]',
      '{"targets": [{"id": 1}]}',
      '{"targets": [null]}',
      '{"targets": [{"id": "a", "stream": "a/b", "url": "http://h/a/k"}]}',
    ]) {
      expect(() => parseTargets(text)).toThrow(expect.objectContaining({ code: 'relay.targets' }));
    }
  });
});
