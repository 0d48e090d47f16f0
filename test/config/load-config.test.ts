// The source of each option, their precedence, and that every mistake is reported with its place and what was expected.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ConfigSources, loadConfig, redactConfig } from '../../src/config/load-config.js';
import type { Config } from '../../src/config/schema.js';
import { SluiceError } from '../../src/protocols/errors.js';

const cwd = mkdtempSync(join(tmpdir(), 'sluice-config-'));

function load(sources: ConfigSources): Config {
  return loadConfig({ env: {}, cwd, ...sources });
}

/** The problem lines, without the headline. */
function problems(sources: ConfigSources): string[] {
  try {
    load(sources);
  } catch (error) {
    expect(error).toBeInstanceOf(SluiceError);
    expect((error as SluiceError).code).toBe('config.invalid');
    return (error as SluiceError).message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

function file(text: string): string {
  const path = join(mkdtempSync(join(cwd, 'file-')), 'sluice.yaml');
  writeFileSync(path, text);
  return path;
}

const HASH = 'adobe:W_GDAIS9PKDj_le9:l8cDLXd/gkA+350JocYs3g==';

describe('loadConfig', () => {
  it('has the documented defaults', () => {
    expect(load({})).toEqual({
      host: '0.0.0.0',
      rtmpPort: 1935,
      httpPort: 8080,
      users: [],
      userChallenge: 'on',
      mediaDir: join(cwd, 'media'),
      stateDir: join(cwd, '.sluice'),
      apps: ['live'],
      playAccess: 'open',
      playSecrets: [],
      clockSkew: 30,
      edgeSecrets: [],
      edgeOnly: 'off',
      ladder: ['source', '720p', '480p', '360p'],
      segmentDuration: 2,
      firstSegment: 'gop',
      partDuration: 0.5,
      windowSegments: 10,
      record: 'off',
      relayHosts: [],
      targets: [],
      sources: [],
      pullIdle: 30,
      recordStreams: ['*/*'],
      recordDir: join(cwd, 'recordings'),
      recordPath: '{app}/{name}/{id}',
      recordSplit: 'publish',
      keepFor: 'forever',
      keepBytes: 'any',
      keepStreamBytes: 'any',
      viewerClips: 'off',
      keepCount: 0,
      keepFree: '1GB',
      s3Upload: 'recordings',
      s3MaxLag: 30,
      s3Region: 'us-east-1',
      s3PathStyle: 'auto',
      dvrWindow: 'off',
      playlistType: 'live',
      resumeWindow: 15,
      maxGop: 10,
      thumbnails: 'on',
      maxTranscodes: 0,
      onOverload: 'shed',
      maxStreams: 100,
      maxWaiters: 20_000,
      maxWaitersPerIp: 4000,
      maxUnreadBytes: 268_435_456,
      maxUnreadBytesPerIp: 67_108_864,
      trustedProxies: ['127.0.0.0/8', '::1'],
      metrics: 'admin',
      adminHost: '127.0.0.1',
      adminTls: 'auto',
      adminHosts: [],
      adminOrigins: [],
      auditRequired: 'on',
      publishAllow: [],
      publishDeny: [],
      playAllow: [],
      playDeny: [],
      maxViewers: 0,
      maxViewersPerAddress: 0,
      webhookSecrets: [],
      onPublishWebhookError: 'deny',
      onPlayWebhookError: 'cached',
      jwtAlgorithms: ['ES256', 'RS256', 'EdDSA'],
      jwtAnyAudience: 'off',
      jwtClaim: 'sluice',
      jwtMaxStale: 86_400,
      maxConnections: 500,
      maxConnectionsPerIp: 16,
      idleTimeout: 15,
      handshakeTimeout: 10,
      publishTimeout: 15,
      firstMediaTimeout: 30,
      maxMediaAhead: 10,
      publishConflict: 'reject',
      rtmpProxyProtocol: 'off',
      takeoverAfter: 3,
      rtmpPlay: 'on',
      dataMessages: [],
      maxDataRate: 524_288,
      pingInterval: 5,
      maxUnsentBytes: 262_144,
      maxViewerBytes: 8_388_608,
      maxChunkStreams: 64,
      maxMessageStreams: 8,
      maxVideoMessageBytes: 10_485_760,
      maxAudioMessageBytes: 1_048_576,
      maxCommandMessageBytes: 262_144,
      maxPendingBytes: 16_777_216,
      maxEarlyMediaBytes: 2_097_152,
      messagesPerTurn: 256,
      freeFailures: 5,
      maxFailureDelay: 4,
      hstsMaxAge: 0,
      frameAncestors: ['*'],
      logLevel: 'info',
    });
  });

  it('prefers flags to the environment, the environment to the file, the file to the default', () => {
    const config = file('httpPort: 1001\nrtmpPort: 1002\nhost: 127.0.0.1\n');
    const argv = ['--config', config, '--http-port', '3001'];
    const env = { SLUICE_HTTP_PORT: '2001', SLUICE_RTMP_PORT: '2002', PATH: '/bin' };
    expect(load({ argv, env })).toMatchObject({
      httpPort: 3001,
      rtmpPort: 2002,
      host: '127.0.0.1',
      windowSegments: 10,
      dvrWindow: 'off',
      playlistType: 'live',
    });
  });

  it.each<[string, string[], Partial<Config>]>([
    ['--flag=value', ['--http-port=0'], { httpPort: 0 }],
    ['the last of two', ['--http-port', '1', '--http-port', '2'], { httpPort: 2 }],
    ['a fraction', ['--part-duration', '.2'], { partDuration: 0.2 }],
    ['audio alone', ['--ladder', 'audio'], { ladder: ['audio'] }],
    ['the lowest and the highest rung', ['--ladder', '64p,4320p'], { ladder: ['64p', '4320p'] }],
    ['a list', ['--ladder', 'source, 480p'], { ladder: ['source', '480p'] }],
    ['a key with =', ['--publish-key', 'a=b'], { publishKey: 'a=b' }],
    ['a key that starts with -', ['--publish-key', '-secret'], { publishKey: '-secret' }],
    ['none', ['--publish-key', 'none'], { publishKey: 'none' }],
    ['an absolute directory', ['--media-dir', '/srv/hls'], { mediaDir: '/srv/hls' }],
  ])('reads flags: %s', (_, argv, expected) => {
    expect(load({ argv })).toMatchObject(expected);
  });

  it.each<[string, string, Partial<Config>]>([
    ['an empty file', '', {}],
    ['only comments', '# nothing\n', {}],
    ['numbers', 'httpPort: 8081\nsegmentDuration: 1.5', { httpPort: 8081, segmentDuration: 1.5 }],
    ['kebab-case and snake_case', 'http-port: 1\nrtmp_port: 2', { httpPort: 1, rtmpPort: 2 }],
    ['a YAML list', 'ladder: [source, 360p]', { ladder: ['source', '360p'] }],
    ['a list as text', 'ladder: source,360p', { ladder: ['source', '360p'] }],
    [
      'what is a word and no truth value',
      'rtmpPlay: off\nuserChallenge: off',
      { rtmpPlay: 'off', userChallenge: 'off' },
    ],
    ['a limit of the file alone', 'maxVideoMessageBytes: 2000000', { maxVideoMessageBytes: 2_000_000 }],
    [
      'users',
      `users:\n  - name: anna\n    hash: ${HASH}\n    names: [news]`,
      { users: [{ name: 'anna', hash: HASH, names: ['news'] }] },
    ],
  ])('reads the file: %s', (_, text, expected) => {
    expect(load({ argv: ['--config', file(text)] })).toMatchObject(expected);
  });

  it('takes the paths of the file and of FFmpeg from the environment', () => {
    expect(load({ env: { SLUICE_CONFIG: file('httpPort: 7'), FFMPEG_PATH: '/opt/ffmpeg' } })).toMatchObject({
      httpPort: 7,
      ffmpegPath: '/opt/ffmpeg',
    });
    expect(load({ env: { SLUICE_FFMPEG_PATH: '/a', FFMPEG_PATH: '/b' } })).toMatchObject({ ffmpegPath: '/a' });
  });

  it('ignores empty variables and those that Kubernetes sets for services', () => {
    const env = {
      SLUICE_HTTP_PORT: '',
      SLUICE_SERVICE_HOST: '10.0.0.1',
      SLUICE_PORT_1935_TCP_ADDR: '10.0.0.1',
      SLUICE_RTMP_PORT: 'tcp://10.0.0.1:1935',
      SLUICE_RTMP_SERVICE_PORT_RTMP: '1935',
    };
    expect(load({ env })).toMatchObject({ httpPort: 8080, rtmpPort: 1935 });
  });

  it('reports every problem at once, each with its origin and what was expected', () => {
    const config = file('httpPort: yes please\n\nladder: [source, 4k]\nsegmentDuraton: 2\npublishKey: "has space"\n');
    const argv = ['--config', config, '--http-prot', '80', '--rtmp-port', '70000', '--log-level', 'loud'];
    const env = { SLUICE_WINDOW_SEGMENTS: '5', SLUICE_MEDIADIR: 'x' };
    expect(problems({ argv, env })).toEqual([
      'sluice.yaml:4 segmentDuraton: unknown key; did you mean segmentDuration?',
      'SLUICE_MEDIADIR: unknown environment variable; did you mean SLUICE_MEDIA_DIR?',
      '--http-prot: unknown option; did you mean --http-port?',
      'sluice.yaml:1 httpPort: got "yes please", expected a whole number from 0 to 65535',
      'sluice.yaml:3 ladder, entry 2: got "4k", expected source, audio or an even height from 64p to 4320p, such as 720p',
      expect.stringContaining('sluice.yaml:5 publishKey: got a value (not shown), expected'),
      'SLUICE_WINDOW_SEGMENTS: got "5", expected a whole number from 6 to 1000 (segments)',
      '--rtmp-port: got "70000", expected a whole number from 0 to 65535',
      '--log-level: got "loud", expected one of fatal, error, warn, info, debug, trace, silent',
    ]);
  });

  it.each<[string, string[], string]>([
    ['a flag without value', ['--http-port'], '--http-port: needs a value, --http-port PORT'],
    ['a flag before a flag', ['--host', '--http-port', '1'], '--host: needs a value, --host ADDRESS'],
    ['an empty value', ['--host='], '--host: needs a value, --host ADDRESS'],
    ['a stray word', ['serve'], '"serve": unexpected argument, options start with --'],
    [
      'a fraction for a port',
      ['--http-port', '80.5'],
      '--http-port: got "80.5", expected a whole number from 0 to 65535',
    ],
    ['a negative', ['--http-port', '-1'], '--http-port: got "-1", expected a whole number from 0 to 65535'],
    ['hexadecimal', ['--http-port', '0x50'], '--http-port: got "0x50", expected a whole number from 0 to 65535'],
    [
      'an odd height',
      ['--ladder', '361p'],
      '--ladder, entry 1: got "361p", expected source, audio or an even height from 64p to 4320p, such as 720p',
    ],
    ['Infinity', ['--idle-timeout', 'Infinity'], '--idle-timeout: got "Infinity", expected a number from 1 to 600 (s)'],
    ['an unknown flag far from any', ['--zebra'], '--zebra: unknown option'],
    ['a flag that a prototype has', ['--constructor', '1'], '--constructor: unknown option'],
    [
      'parts longer than segments',
      ['--part-duration', '3'],
      '--part-duration: got 3 s, expected at most the segment duration of 2 s (segmentDuration (default))',
    ],
    [
      'one port for both servers',
      ['--http-port', '1935'],
      "--http-port: got 1935, expected another port than RTMP's (rtmpPort (default))",
    ],
    [
      'state in the media directory',
      ['--state-dir', 'media/x'],
      '--state-dir: the directory of the publish key lies in the media directory (mediaDir (default)), where it could be served',
    ],
    ['a flag for what only the file has', ['--max-chunk-streams', '9'], expect.stringContaining('unknown option')],
    ['RTMPS without key', ['--rtmps-port', '0', '--tls-cert', 'a.pem'], '--rtmps-port: needs tlsKey, which is not set'],
    [
      'one port for RTMP and RTMPS',
      ['--rtmps-port', '1935', '--tls-cert', 'a', '--tls-key', 'b'],
      '--rtmps-port: got 1935, which is taken (rtmpPort (default))',
    ],
    [
      'D3.02 JWTs of anybody for anybody',
      ['--jwt-jwks', 'https://login.example.com/certs'],
      '--jwt-jwks: needs jwtIssuer or jwtAudience, or jwtAnyAudience if every token of that server may count',
    ],
    [
      'keys of JWTs that others could change on the way',
      ['--jwt-jwks', 'http://login.example.com/certs', '--jwt-issuer', 'me'],
      '--jwt-jwks: got "http://login.example.com/certs", expected an https URL, or http on this machine',
    ],
    [
      'a missing file',
      ['--config', 'no.yaml'],
      'no.yaml: cannot read the configuration file (ENOENT, no such file or directory)',
    ],
  ])('refuses %s', (_, argv, expected) => {
    expect(problems({ argv })).toEqual([expected]);
  });

  it.each<[string, string, string]>([
    ['broken YAML', 'httpPort: 1\nhost: a: b', expect.stringMatching(/^sluice\.yaml:2:7: not valid YAML: a second/)],
    ['a list at the top', '- host', 'sluice.yaml:1: got a list, expected lines of the form "httpPort: 8080"'],
    ['an unknown key', '__proto__: 1', 'sluice.yaml:1 __proto__: unknown key'],
    ['no value', 'host:', 'sluice.yaml:1 host: no value; leave the line out to get the default'],
    ['a key twice', 'httpPort: 1\nhttp-port: 2', 'sluice.yaml:2 http-port: already set at sluice.yaml:1 httpPort'],
    [
      'a password for a hash',
      'users: [{name: anna, hash: hunter2}]',
      'sluice.yaml:1 users, entry 1: user anna: hash: got a value (not shown), expected what `sluice hash-password USER` prints',
    ],
    [
      'a user twice',
      `users: [{name: a, hash: "${HASH}"}, {name: a, hash: "${HASH}"}]`,
      expect.stringContaining('twice'),
    ],
    [
      'a user of no application',
      `users: [{name: a, hash: "${HASH}", apps: [studio]}]`,
      'sluice.yaml:1 users, entry 1: user a may publish to studio, which is not one of apps (apps (default))',
    ],
    ['a map for a value', 'host: {a: 1}', 'sluice.yaml:1 host: got {"a":"1"}, expected text'],
  ])('refuses a file with %s', (_, text, expected) => {
    expect(problems({ argv: ['--config', file(text)] })).toEqual(expect.arrayContaining([expected]));
  });

  it('C3.07 never repeats a secret', () => {
    const secret = 'hunter2&more';
    const path = file(`publishKey: ["${secret}"]\nhost: a\n`);
    const sources = { argv: ['--config', path, '--publish-key', secret, '--publishkey', secret, `--key=${secret}`] };
    expect(problems({ ...sources, env: { SLUICE_PUBLISH_KEY: secret } }).join('\n')).not.toContain('hunter2');
    const config = load({ argv: ['--publish-key', 'hunter2'] });
    expect(JSON.stringify(redactConfig(config))).not.toContain('hunter2');
    const keys = load({
      env: { AWS_ACCESS_KEY_ID: 'hunter2', AWS_SECRET_ACCESS_KEY: 'hunter2', SLUICE_S3_BUCKET: 'tv1' },
    });
    expect(keys.s3SecretKey).toBe('hunter2');
    expect(JSON.stringify(redactConfig(keys))).not.toContain('hunter2');
    expect(problems({ argv: ['--s3-secret-key', 'hunter2'] }).join('\n')).toMatch(
      /^\s*--s3-secret-key: unknown option/m,
    );
    expect(redactConfig(load({ argv: ['--publish-key', 'none'] })).publishKey).toBe('none');
    const users = load({ argv: ['--config', file(`users: [{name: anna, hash: "${HASH}"}]`)] });
    expect(JSON.stringify(redactConfig(users))).toContain('anna');
    expect(JSON.stringify(redactConfig(users))).not.toContain(HASH);
  });
});
