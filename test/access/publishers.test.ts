// Keys and users in the file of publishers: changes by commands take effect at once, publishers with a revoked key are ended, and neither a broken
// file nor a killed command revokes anything.
import { appendFile, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addKey, revokeKey, rotateKey } from '../../src/access/publishers/change-publishers.js';
import { readKeyUse } from '../../src/access/publishers/key-use.js';
import { Publishers } from '../../src/access/publishers/publishers.js';
import { runCommand } from '../cli/command-under-test.js';
import { eventually } from '../support/hls-client.js';
import { policySteps } from '../support/policy-steps.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const fileOf = (stateDir: string): string => join(stateDir, 'publishers.jsonl');

async function follow(stateDir: string) {
  const lines: string[] = [];
  const write = (fields: object, message: string): void =>
    void lines.push(`${message} ${String((fields as { err?: Error }).err?.message)}`);
  const logger = { debug: write, info: write, warn: write, error: write };
  const { grants } = policySteps();
  const publishers = await Publishers.follow({
    ...{ stateDir, logger, grants, wallClock: Date.now, onUsers: () => undefined },
    pollInterval: 5,
  });
  onTestFinished(() => publishers.close());
  const ask = (secret: string, more: { app?: string; name?: string; remoteAddress?: string } = {}) =>
    publishers.prove({
      ...{ action: 'publish', protocol: 'rtmp', app: 'live', name: 'cam', remoteAddress: '192.0.2.1' },
      ...more,
      query: new URLSearchParams({ key: secret }),
    } as const);
  return { publishers, ask, lines };
}

describe('the file of publishers', () => {
  it('D5.01 has the hash of a key and never the key, and only its owner can read it', async () => {
    const stateDir = await temporaryDirectory();
    const { id, secret } = await addKey(stateDir, { names: ['cam'], title: 'Camera 1' }, undefined);
    expect(Buffer.from(secret, 'base64url').length).toBeGreaterThanOrEqual(16);
    const text = await readFile(fileOf(stateDir), 'utf8');
    expect(text).not.toContain(secret);
    expect(text).toContain(`"hint":"${secret.slice(0, 4)}"`);
    expect((await stat(fileOf(stateDir))).mode & 0o777).toBe(0o600);
    const { ask } = await follow(stateDir);
    expect(ask(secret)).toMatchObject({
      ok: true,
      covers: true,
      holder: { proof: 'key', id },
      options: { title: 'Camera 1' },
    });
    expect(ask(secret, { name: 'other' })).toMatchObject({ ok: true, covers: false });
    expect(ask(`${secret}x`)).toBeUndefined();
    await eventually(async () => (await readKeyUse(stateDir))[id]);
  });

  it('D5.04 can be revoked again more strictly, which neither moves its time nor keeps publishers that it has ended', async () => {
    const stateDir = await temporaryDirectory();
    const stored = async (): Promise<Record<string, unknown>> => JSON.parse(await readFile(fileOf(stateDir), 'utf8'));
    const { id } = await addKey(stateDir, {}, undefined, 0);
    await revokeKey(stateDir, id, true, 1_000);
    expect(await stored()).toMatchObject({ revokedAt: '1970-01-01T00:00:01.000Z', keepRunning: true });
    await revokeKey(stateDir, id, false, 2_000);
    expect(await stored()).toMatchObject({ revokedAt: '1970-01-01T00:00:01.000Z' });
    expect(await stored()).not.toHaveProperty('keepRunning');
    await revokeKey(stateDir, id, true, 3_000);
    expect(await stored()).not.toHaveProperty('keepRunning');
  });

  it('D5.04 keeps a key whose publishers may go on, however long ago it was revoked', async () => {
    const stateDir = await temporaryDirectory();
    const kept = await addKey(stateDir, {}, undefined, 0);
    const ended = await addKey(stateDir, {}, undefined, 0);
    const expiring = await addKey(stateDir, {}, 60 * 86_400_000, 0);
    await revokeKey(stateDir, kept.id, true, 0);
    await revokeKey(stateDir, ended.id, false, 0);
    await revokeKey(stateDir, expiring.id, true, 0);
    await addKey(stateDir, {}, undefined, 31 * 86_400_000);
    const text = await readFile(fileOf(stateDir), 'utf8');
    expect([kept, ended, expiring].map(({ id }) => text.includes(id))).toEqual([true, false, true]);
    await addKey(stateDir, {}, undefined, 91 * 86_400_000);
    expect(await readFile(fileOf(stateDir), 'utf8')).not.toContain(expiring.id);
  });

  it('D5.01 restricts a key to applications and addresses, with IPv4 in either notation', async () => {
    const stateDir = await temporaryDirectory();
    const { secret } = await addKey(
      stateDir,
      { apps: ['live'], addresses: ['192.0.2.0/24', '2001:db8::/32'] },
      undefined,
    );
    const { ask } = await follow(stateDir);
    for (const remoteAddress of ['192.0.2.77', '::ffff:192.0.2.77', '2001:db8::1']) {
      expect(ask(secret, { remoteAddress })).toMatchObject({ covers: true });
    }
    expect(ask(secret, { remoteAddress: '198.51.100.1' })).toMatchObject({ covers: false });
    expect(ask(secret, { app: 'studio' })).toMatchObject({ covers: false });
  });

  it('D5.02 accepts both keys, with the same scope, while one replaces the other', async () => {
    const stateDir = await temporaryDirectory();
    const old = await addKey(stateDir, { names: ['cam'] }, undefined);
    const next = await rotateKey(stateDir, old.id, 60_000);
    const { ask } = await follow(stateDir);
    expect(ask(old.secret)).toMatchObject({ covers: true });
    expect(ask(next?.secret ?? '')).toMatchObject({ covers: true });
    expect(ask(next?.secret ?? '', { name: 'other' })).toMatchObject({ covers: false });
    expect(await rotateKey(stateDir, 'nobody', 0)).toBeUndefined();
  });

  it('D5.05 is read again when a person edits it; if it is broken, the old version applies, and the log names the line without quoting it', async () => {
    const stateDir = await temporaryDirectory();
    const { secret } = await addKey(stateDir, {}, undefined);
    const { ask, lines } = await follow(stateDir);
    await appendFile(fileOf(stateDir), '{"key":"mine","secret":"do-not-repeat-this"}\n');
    await eventually(async () => lines.find((line) => line.includes('line 2: hash: expected 43 characters')));
    expect(lines.join()).not.toContain('do-not-repeat-this');
    expect(ask(secret)).toMatchObject({ ok: true });
    await rm(fileOf(stateDir));
    await eventually(async () => (lines.length > 0 ? true : undefined));
    expect(ask(secret)).toMatchObject({ ok: true });
    await writeFile(fileOf(stateDir), '');
    await eventually(async () => (ask(secret) === undefined ? true : undefined));
  });

  it.each([
    ['{', 'it is not JSON'],
    ['[]', 'expected an object'],
    ['{"user":"a b"}', 'expected a key or a user'],
    ['{"key":"k","hash":"x"}', 'hash: expected'],
    ['{"key":"k","addresses":["10.0.0.0/33"]}', 'addresses: expected'],
    ['{"key":"k","names":["../x"]}', 'names: expected'],
  ])('D5.05 is refused at the start with the line %s', async (line, fault) => {
    const stateDir = await temporaryDirectory();
    await writeFile(fileOf(stateDir), `\n${line}\n`);
    await expect(follow(stateDir)).rejects.toThrow(`line 2: ${fault}`);
  });

  it('D5.07 finds a key among 10,000 by its hash', async () => {
    const stateDir = await temporaryDirectory();
    const { id, secret } = await addKey(stateDir, {}, undefined);
    const [line = ''] = (await readFile(fileOf(stateDir), 'utf8')).split('\n');
    const others = Array.from({ length: 10_000 }, (_, n) =>
      JSON.stringify({ ...JSON.parse(line), key: `k${n}`, hash: String(n).padStart(43, '0') }),
    );
    await writeFile(fileOf(stateDir), [...others, line, ''].join('\n'));
    const { ask } = await follow(stateDir);
    expect(ask(secret)).toMatchObject({ holder: { id } });
  });
});

describe('sluice key', () => {
  async function run(cwd: string, argv: readonly string[], secret?: string) {
    const command = await runCommand(argv, { cwd, ...(secret !== undefined && { secret }) });
    return { status: await command.status, stdout: command.stdout(), stderr: command.stderr() };
  }

  it('D5.01 D5.02 adds, lists, rotates and revokes keys; the list never contains a secret', async () => {
    const cwd = await temporaryDirectory();
    const added = await run(cwd, ['key', 'add', '--name', 'cam1', '--expires', '7d', '--title', 'Camera 1']);
    expect(added).toMatchObject({ status: 0, stderr: '' });
    const [, id = ''] = /Key: +(\S+)/.exec(added.stdout) ?? [];
    const [, secret = ''] = /Stream key: +cam1\?key=(\S+)/.exec(added.stdout) ?? [];
    expect(secret.length).toBeGreaterThanOrEqual(22);
    expect((await run(cwd, ['key', 'rotate', id, '--grace', '1h'])).stdout).toMatch(/Stream key: +NAME\?key=/);
    expect(await run(cwd, ['key', 'revoke', id])).toMatchObject({ status: 0 });
    const { stdout } = await run(cwd, ['key', 'list']);
    expect(stdout).toContain(`${id}  ${secret.slice(0, 4)}…  revoked`);
    expect(stdout.match(/names cam1 {2}"Camera 1"/g)).toHaveLength(2);
    expect(stdout).not.toContain(secret);
  });

  it('adds and removes users, and never takes a password as an argument', async () => {
    const cwd = await temporaryDirectory();
    expect(await run(cwd, ['user', 'add', 'anna', '--name', 'cam'], 'her password')).toMatchObject({ status: 0 });
    const { stdout } = await run(cwd, ['user', 'list']);
    expect(stdout).toMatch(/anna {2}since .* {2}names cam/);
    expect(stdout).not.toContain('adobe:');
    expect(await run(cwd, ['user', 'remove', 'anna'])).toMatchObject({ status: 0 });
    expect(await run(cwd, ['user', 'remove', 'anna'])).toMatchObject({ status: 1 });
  });

  it.each([
    [['key'], 'usage: sluice key'],
    [['key', 'add', '--expires', 'soon'], '--expires: got "soon"'],
    [['key', 'add', '--ip', '10.0.0.0/99'], 'addresses: expected'],
    [['key', 'add', '--app', 'other'], '"other" is not one of apps'],
    [['key', 'revoke', 'x', '--keep-running', 'y'], 'usage: sluice key'],
    [['user', 'add', 'an na'], 'usage: sluice user'],
    [['user', 'add', 'anna'], 'got no password'],
  ])('says what is wrong with %j', async (argv, fault) => {
    const { status, stderr } = await run(await temporaryDirectory(), argv);
    expect(status).toBe(2);
    expect(stderr).toContain(fault);
  });
});
