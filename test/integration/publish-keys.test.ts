// Keys and users of the file of publishers in a whole gateway: they allow publishing, and a publisher that loses its key is ended. A killed command
// loses no data.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/access/password-hash.js';
import { addKey, removeUser, revokeKey, rotateKey, setUser } from '../../src/access/publishers/change-publishers.js';
import { parsePublishers, publisherFile } from '../../src/access/publishers/publisher-file.js';
import { buildProgram } from '../support/built-program.js';
import { startGateway } from '../support/gateway.js';
import { eventually } from '../support/hls-client.js';
import { tryToPublish } from '../support/publish-attempt.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const fileOf = (stateDir: string): string => join(stateDir, 'publishers.jsonl');

describe('a gateway with keys', () => {
  it('D5.03 D5.04 D5.05 accepts a publisher with a key, reports which key, and ends the publisher within a second when the key is revoked', async () => {
    const stateDir = await temporaryDirectory();
    const gateway = await startGateway('--ladder', 'source', '--state-dir', stateDir);
    const started: object[] = [];
    gateway.gateway.onEvent((event) => void (event.type === 'publish.started' && started.push(event)));
    const { id, secret } = await addKey(stateDir, { names: ['cam'] }, undefined);
    const { encoder, refusal } = await eventually(async () => {
      const attempt = await tryToPublish(gateway.rtmp, `cam?key=${secret}`);
      return attempt.refusal === undefined ? attempt : undefined;
    });
    expect(refusal).toBeUndefined();
    expect(started).toMatchObject([{ holder: { proof: 'key', id } }]);
    expect(gateway.gateway.grants.listGrants()).toMatchObject([
      { app: 'live', name: 'cam', holder: { proof: 'key', id } },
    ]);
    expect((await tryToPublish(gateway.rtmp, `other?key=${secret}`)).refusal?.code).toBe('NetStream.Publish.Denied');
    expect(await revokeKey(stateDir, id)).toBe(true);
    expect(await encoder.event('rejected')).toMatchObject({ description: 'the key was revoked' });
    expect((await tryToPublish(gateway.rtmp, `cam?key=${secret}`)).refusal?.code).toBe('NetStream.Publish.Denied');
    expect(JSON.stringify(gateway.logs)).toContain('access.revoked');
    expect(JSON.stringify([gateway.logs, started])).not.toContain(secret);
  });

  it('D5.02 D5.03 ends a publisher when its key expires, warns before, and does not end publishers that may keep running', async () => {
    const stateDir = await temporaryDirectory();
    const kept = await addKey(stateDir, { names: ['kept'] }, undefined);
    const rotated = await addKey(stateDir, { names: ['rotated'] }, Date.now() + 3_600_000);
    const gateway = await startGateway('--ladder', 'source', '--state-dir', stateDir);
    const warned: object[] = [];
    gateway.gateway.onEvent((event) => void (event.type === 'publish.expiring' && warned.push(event)));
    const keeps = await tryToPublish(gateway.rtmp, `kept?key=${kept.secret}`);
    const ends = await tryToPublish(gateway.rtmp, `rotated?key=${rotated.secret}`);
    expect([keeps.refusal, ends.refusal]).toEqual([undefined, undefined]);
    await eventually(async () => (warned.length > 0 ? true : undefined));
    expect(warned).toMatchObject([{ app: 'live', name: 'rotated', holder: { id: rotated.id } }]);
    await revokeKey(stateDir, kept.id, true);
    const next = await rotateKey(stateDir, rotated.id, 0);
    expect(await ends.encoder.event('rejected')).toMatchObject({ description: 'the key has expired' });
    expect(gateway.gateway.grants.listGrants()).toMatchObject([{ name: 'kept' }]);
    const again = await Promise.all(
      [kept, rotated].map(({ secret }) => tryToPublish(gateway.rtmp, `new?key=${secret}`)),
    );
    expect(again.map(({ refusal }) => refusal?.code)).toEqual(Array(2).fill('NetStream.Publish.Denied'));
    expect((await tryToPublish(gateway.rtmp, `rotated?key=${next?.secret}`)).refusal).toBeUndefined();
  });

  it('D5.05 accepts the users of the file, and ends those who are removed', async () => {
    const stateDir = await temporaryDirectory();
    await setUser(stateDir, 'anna', hashPassword('anna', 'her password'), { names: ['cam'] });
    const gateway = await startGateway('--ladder', 'source', '--state-dir', stateDir);
    const right = await tryToPublish(gateway.rtmp, 'cam?user=anna&pass=her%20password');
    expect(right.refusal).toBeUndefined();
    const wrong = await tryToPublish(gateway.rtmp, 'cam?user=anna&pass=x');
    const elsewhere = await tryToPublish(gateway.rtmp, 'other?user=anna&pass=her%20password');
    expect(wrong.refusal).toEqual(elsewhere.refusal);
    await removeUser(stateDir, 'anna');
    expect(await right.encoder.event('rejected')).toMatchObject({ description: 'the user was removed' });
  });

  it('D5.05 does not become open to everybody when its last key is revoked', async () => {
    const stateDir = await temporaryDirectory();
    const { id } = await addKey(stateDir, {}, undefined);
    await revokeKey(stateDir, id);
    const gateway = await startGateway('--ladder', 'source', '--state-dir', stateDir, '--publish-key', 'none');
    expect((await tryToPublish(gateway.rtmp, 'cam')).refusal?.code).toBe('NetStream.Publish.Denied');
  });
});

it('D5.06 has a valid file after a command was killed at any moment', async () => {
  const stateDir = await temporaryDirectory();
  const first = await addKey(stateDir, {}, undefined);
  const directory = await buildProgram();
  const module = pathToFileURL(join(directory, 'dist/access/publishers/change-publishers.js')).href;
  const program = `const { addKey } = await import(${JSON.stringify(module)}); process.stdout.write('.');
    for (;;) { await addKey(${JSON.stringify(stateDir)}, {}, undefined); process.stdout.write('.'); }`;
  for (let round = 0; round < 2; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for (let changes = 0; changes < 2 + round; changes++) await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'close');
    await rm(`${fileOf(stateDir)}.lock`, { force: true });
    const { keys } = parsePublishers(publisherFile(stateDir), await readFile(fileOf(stateDir), 'utf8'));
    expect(keys[0]?.key).toBe(first.id);
    expect(keys.length).toBeGreaterThan(round);
  }
});
