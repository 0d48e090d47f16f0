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
import type { RelayTag } from '../../src/relay/stream-source.js';
import { checkedTarget, matchesStream } from '../../src/relay/target-definition.js';
import { parseTargets, targetsText } from '../../src/relay/target-file.js';

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
    for (const text of ['{', '[]', '{"targets": [{"id": 1}]}', '{"targets": [null]}']) {
      expect(() => parseTargets(text)).toThrow(expect.objectContaining({ code: 'relay.targets' }));
    }
  });
});
