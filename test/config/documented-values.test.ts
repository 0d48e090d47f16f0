// Every documented value is accepted everywhere: in the file with and without quotes, in the environment, and as a flag.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load-config.js';
import { FILE_OPTIONS, type FileOption, OPTIONS } from '../../src/config/option.js';
import type { ConfigKey } from '../../src/config/schema.js';

const cwd = mkdtempSync(join(tmpdir(), 'sluice-values-'));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const HASH = 'adobe:W_GDAIS9PKDj_le9:l8cDLXd/gkA+350JocYs3g==';

/** Typical values of text options and lists, above all those that YAML could read as another type. */
const EXAMPLES: Partial<Record<ConfigKey, readonly string[]>> = {
  host: ['0.0.0.0', '127.0.0.1', '::', 'localhost', '10'],
  tlsCert: ['/etc/ssl/cert.pem', '2026'],
  tlsKey: ['/etc/ssl/key.pem', '2026'],
  publicUrl: ['https://live.example.com', 'http://10.0.0.1:8080/tv'],
  mediaDir: ['/srv/media', 'media', '2024'],
  stateDir: ['/srv/state', '0755'],
  publishKey: [
    'none',
    '1234',
    '007',
    '1e3',
    '0x10',
    '1_000',
    'true',
    'null1',
    '.5',
    '12345678901234567890',
    '2024-01-01',
    'a=b',
  ],
  dataMessages: ['onTextData', 'onTextData,onCuePoint', '*'],
  jwtJwks: ['https://login.example.com/certs', 'http://127.0.0.1:8080/certs'],
  publishAllow: ['10.0.0.0/8', '192.0.2.1,2001:db8::/32'],
  publishDeny: ['192.0.2.1'],
  playAllow: ['10.0.0.0/8,::1'],
  playDeny: ['2001:db8::/32'],
  publishWebhook: ['https://example.com/hook', 'http://127.0.0.1:3000/hook?a=b'],
  playWebhook: ['https://example.com/hook'],
  webhookSecrets: [
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw,whsec_AAAQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  ],
  jwtAlgorithms: ['ES256', 'RS256,EdDSA'],
  jwtSecret: ['0123456789abcdef0123456789abcdef', 'a secret: with # and spaces, 32 characters'],
  jwtIssuer: ['https://login.example.com', '2024'],
  jwtAudience: ['sluice', '7'],
  jwtClaim: ['sluice', 'https://example.com/claims'],
  apps: ['live', '2024', 'live,2024', 'true,1.50'],
  edgeSecrets: ['0123456789abcdef0123456789abcdef'],
  playSecrets: [
    '0123456789abcdef0123456789abcdef',
    '12345678901234567890123456789012',
    'a=b+c/d:e~f!g@h$i*j.k-l_mnopqrstuvwxyz',
  ],
  ladder: ['source', 'source,720p', 'audio', '1080p,360p'],
  record: ['off', 'all', 'source', 'source,720p'],
  relayHosts: ['live.twitch.tv,*.example.com', '192.0.2.1'],
  recordStreams: ['*/*', 'live/show-*', 'live/cam,live/room/*'],
  recordDir: ['recordings', '/srv/recordings'],
  s3Bucket: ['my-videos', 'videos.example.com'],
  s3Endpoint: ['https://s3.eu-central-003.backblazeb2.com', 'http://127.0.0.1:9000'],
  s3Region: ['us-east-1', 'auto'],
  s3Prefix: ['tv', 'sites/1/tv'],
  s3PathStyle: ['auto', 'on', 'off'],
  s3AccessKey: ['AKIAIOSFODNN7EXAMPLE'],
  s3SecretKey: ['wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'],
  s3SessionToken: ['FwoGZXIvYXdzEBYaD+/='],
  s3Ca: ['/etc/ssl/own-ca.pem'],
  recordPath: ['{app}/{name}/{id}', '{app}/{name}/{year}-{month}-{day}/{hour}{minute}-{id}'],
  recordSplit: ['publish', '1h', '30m', '2GB', '500MB', '0 * * * *'],
  keepFor: ['forever', '12h', '30d', '90s'],
  keepBytes: ['any', '500GB', '1TB'],
  keepStreamBytes: ['any', '50GB'],
  viewerClips: ['off', '20GB'],
  keepCount: ['0', '10'],
  keepFree: ['0', '1GB', '10GB'],
  dvrWindow: ['3600', '60', 'off', 'unlimited', '9999999'],
  slate: ['/srv/slate.png', '1'],
  trustedProxies: ['10.0.0.0/8', '127.0.0.1,::1', '2001:db8::/32'],
  frameAncestors: ['*', "'self'", 'https://example.com,https://b.example.com:8443'],
  adminHost: ['127.0.0.1', '::1', 'localhost'],
  adminPort: ['8081', '0', 'none', '65535'],
  adminHosts: ['ops.example.com', 'a.example,b-1.example'],
  adminOrigins: ['https://ops.example.com', 'http://10.0.0.1:3000,https://b.example.com:8443'],
  ffmpegPath: ['/usr/bin/ffmpeg', '7'],
};

/** Each value in the form for a flag. */
function documentedValues({ key, schema, defaultValue }: FileOption): readonly string[] {
  if (schema.enum !== undefined) return schema.enum;
  if (schema.type === 'integer' || schema.type === 'number') {
    const fraction = schema.type === 'number' ? [(schema.minimum ?? 0) + 0.25] : [];
    return [schema.minimum, schema.maximum, ...(defaultValue === undefined ? [] : [defaultValue]), ...fraction].map(
      String,
    );
  }
  const examples = EXAMPLES[key];
  if (examples === undefined) throw new Error(`${key} has no examples in this test: add what its documentation names`);
  return examples;
}

/** A plain YAML scalar must not begin with some characters, nor contain some others. */
const needsQuotes = (text: string): boolean => /^[*&!|>'"%@`{[,?:-]|: | #|:$/.test(text);

/** The ways to write a value in the file. */
function written({ schema }: FileOption, value: string): string[] {
  const ways = [`'${value.replaceAll("'", "''")}'`, JSON.stringify(value)];
  if (!needsQuotes(value)) ways.push(value);
  if (schema.type !== 'array') return ways;
  const items = value.split(',');
  const plain = items.map((item) => (needsQuotes(item) ? JSON.stringify(item) : item));
  return [...ways, `[${plain.join(', ')}]`, plain.map((item) => `\n  - ${item}`).join('')];
}

const TLS = { tlsCert: 'a.pem', tlsKey: 'b.pem' };
/** Options that must be set together with an extreme value of this one. */
function beside(key: ConfigKey): Record<string, string> {
  if (key === 'partDuration') return { segmentDuration: '30' };
  if (key === 'segmentDuration') return { partDuration: '0.1' };
  if (key === 'jwtJwks' || key === 'jwtSecret') return { jwtIssuer: 'me' };
  if (key === 'edgeOnly') return { edgeSecrets: '0123456789abcdef0123456789abcdef' };
  if (key === 's3Bucket') return { s3AccessKey: 'id', s3SecretKey: 'secret' };
  if (key === 'rtmpsPort' || key === 'httpsPort') return TLS;
  return {};
}

const optionOf = (key: string) => OPTIONS.find((option) => option.key === key);

describe.each(
  FILE_OPTIONS.filter(({ key }) => key !== 'users' && !['targets', 'sources'].includes(key)).map(
    (option) => [option.key, option] as const,
  ),
)('%s', (key, option) => {
  const companions = beside(key);
  const fromFile = (text: string): unknown => {
    const path = join(cwd, 'sluice.yaml');
    const others = Object.entries(companions).map(([name, value]) => `${name}: ${value}\n`);
    writeFileSync(path, `${key}: ${text}\n${others.join('')}`);
    return loadConfig({ argv: ['--config', path], env: {}, cwd })[key];
  };
  const read = (argv: string[], env: Record<string, string>): unknown => {
    const others = Object.entries(companions).map(([name, value]) => [optionOf(name), value] as const);
    const flags = others.flatMap(([option, value]) => (option?.flag === undefined ? [] : [option.flag, value]));
    const variables = others.flatMap(([option, value]) =>
      option === undefined || option.flag !== undefined ? [] : [[option.environment[0], value]],
    );
    const all = { ...Object.fromEntries(variables), ...env };
    return loadConfig({ argv: [...argv, ...flags], env: all, cwd })[key];
  };

  it.each(documentedValues(option))('accepts %s from every source, with the same result', (value) => {
    const [first, ...others] = written(option, value).map(fromFile);
    for (const other of others) expect(other).toEqual(first);
    const outside = OPTIONS.find((candidate) => candidate.key === key);
    if (outside === undefined) return;
    expect(read([], { [outside.environment[0]]: value })).toEqual(first);
    if (outside.flag !== undefined) expect(read([`${outside.flag}=${value}`], {})).toEqual(first);
  });
});

it('accepts users, applications and streams whose names are numbers', () => {
  const path = join(cwd, 'users.yaml');
  writeFileSync(
    path,
    `apps: [2024]\nusers:\n  - name: 42\n    hash: ${HASH}\n    apps: [2024]\n    names: [7, 007]\n  - {name: true, hash: "${HASH}"}\n`,
  );
  expect(loadConfig({ argv: ['--config', path], env: {}, cwd }).users).toEqual([
    { name: '42', hash: HASH, apps: ['2024'], names: ['7', '007'] },
    { name: 'true', hash: HASH },
  ]);
});

it('follows YAML aliases up to a limit', () => {
  const path = join(cwd, 'aliases.yaml');
  writeFileSync(path, `ladder: &rungs [source, 720p]\napps: [live, &other 2024]\npublishKey: *other\n`);
  expect(loadConfig({ argv: ['--config', path], env: {}, cwd })).toMatchObject({ publishKey: '2024' });
  const bomb = ['a0: &a0 [x]', ...Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`)];
  writeFileSync(path, `apps: [${bomb.map((line) => `{${line}}`).join(', ')}]\n`);
  expect(() => loadConfig({ argv: ['--config', path], env: {}, cwd })).toThrow(/more than 100 aliases/);
});
