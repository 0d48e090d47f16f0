// `sluice sign` and `sluice revoke`: links that work, and a one-line message for every problem.
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temp-dir.js';
import { runCommand } from './command-under-test.js';

const SECRET = 'a-secret-of-the-back-end-0123456789abcdef';
const FLAGS = ['--play-access', 'token', '--play-secrets', SECRET];
const at = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();

async function run(argv: readonly string[], cwd?: string) {
  const command = await runCommand(argv, cwd === undefined ? {} : { cwd });
  return { status: await command.status, stdout: command.stdout(), stderr: command.stderr(), cwd: command.cwd };
}

describe('sign', () => {
  it('prints a link, and how long it is valid', async () => {
    const { status, stdout, stderr } = await run(['sign', 'live/cam', '--until', '2040-01-01T00:00Z', ...FLAGS]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/Watch: +http:\/\/localhost:8080\/watch\/live\/cam\?token=v1\./);
    expect(stdout).toContain(
      'Valid until 2040-01-01T00:00:00Z. With clockSkew (30 s) it works until 2040-01-01T00:00:30Z.',
    );
  });

  it.each<[string, string[], string]>([
    ['begins after its end', ['live/cam', '--for', '1h', '--not-before', at(7_200)], '--not-before is not before'],
    ['is to begin with before it is valid', ['live/cam', '--not-before', at(600), '--start-by', at(300)], '--start-by'],
    ['was to begin with yesterday', ['live/cam', '--start-by', at(-86_400)], '--start-by is over'],
    ['has ended', ['live/cam', '--until', at(-60)], 'must be in the future'],
    ['leads elsewhere', ['live/../x'], 'stream: expected app/name'],
    ['leads above', ['live/..'], 'stream: expected app/name'],
    ['is for no application of the gateway', ['other/cam'], 'the application "other" is not one of apps (live)'],
  ])('makes no link that %s', async (_, words, message) => {
    const { status, stdout, stderr, cwd } = await run(['sign', ...words, '--play-access', 'token']);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(await readdir(cwd)).toEqual([]);
  });

  it('says that it made a secret, and where, but not the second time', async () => {
    const { stderr, cwd } = await run(['sign', 'live/cam', '--play-access', 'token']);
    expect(stderr).toContain(
      `a new one was made in ${join(cwd, '.sluice/play-secret')}; the gateway must use the same`,
    );
    expect((await run(['sign', 'live/cam', '--play-access', 'token'], cwd)).stderr).toBe('');
  });

  it('says after the link that it may see other options than the gateway', async () => {
    const { stderr } = await run(['sign', 'live/cam', '--play-secrets', SECRET]);
    expect(stderr).toBe(
      'note: this command sees playAccess open and port 8080; if the gateway runs with other options, give this command its --config or flags\n',
    );
  });

  it.each<[string, (path: string) => Promise<unknown>]>([
    ['empty', (path) => writeFile(path, '')],
    ['short', (path) => writeFile(path, 'short\n')],
    ['of two lines', (path) => writeFile(path, `${SECRET}\n${SECRET}\n`)],
    ['a directory', (path) => mkdir(path)],
    ['a pipe', (path) => promisify(execFile)('mkfifo', [path])],
    [
      '40 MB long',
      async (path) => {
        await writeFile(path, '');
        await truncate(path, 40_000_000);
      },
    ],
  ])('and revoke tell in one line that the secret is %s', async (_, put) => {
    const stateDir = await temporaryDirectory();
    await put(join(stateDir, 'play-secret'));
    for (const words of [
      ['sign', 'live/cam'],
      ['revoke', 'v1.x'],
    ]) {
      const { status, stdout, stderr } = await run([...words, '--state-dir', stateDir]);
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toMatch(/^sluice: play secret file .*play-secret: .+\n$/);
    }
  });
});

describe('revoke', () => {
  const token = async () => /Token: +(\S+)/.exec((await run(['sign', 'live/cam', ...FLAGS])).stdout)?.[1] ?? '';

  it('says "revoked" when it is', async () => {
    const { status, stdout, cwd } = await run(['revoke', `http://x/watch/live/cam?token=${await token()}`, ...FLAGS]);
    expect(status).toBe(0);
    expect(stdout).toContain('is revoked');
    expect(await readdir(join(cwd, '.sluice'))).toEqual(['revoked-sessions.jsonl']);
  });

  it('reports in one line that the file cannot be written', async () => {
    const stateDir = await temporaryDirectory();
    await mkdir(join(stateDir, 'revoked-sessions.jsonl'));
    const { status, stdout, stderr } = await run(['revoke', await token(), ...FLAGS, '--state-dir', stateDir]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^sluice: file of revoked sessions .*: it is a directory\n$/);
  });

  it('with a link of another gateway revokes nothing, and generates no secret', async () => {
    const { status, stderr, cwd } = await run(['revoke', await token()]);
    expect(status).toBe(2);
    expect(stderr).toContain('cannot be revoked here');
    expect(await readdir(cwd)).toEqual([]);
  });
});

it.skipIf(process.getuid?.() !== 0)(
  'revoke explains what to do to users who may not read or write the file',
  async () => {
    const above = await temporaryDirectory();
    await chmod(above, 0o755);
    const stateDir = join(above, 'state');
    await mkdir(stateDir, { mode: 0o700 });
    const [owner, other] = [54_321, 54_322];
    await chown(stateDir, owner, owner);
    const flags = [...FLAGS, '--state-dir', stateDir];
    const token = /Token: +(\S+)/.exec((await run(['sign', 'live/cam', ...flags])).stdout)?.[1] ?? '';
    const revokeAs = async (uid: number) => {
      process.seteuid?.(uid);
      try {
        return await run(['revoke', token, ...flags], '/');
      } finally {
        process.seteuid?.(0);
      }
    };
    expect(await revokeAs(other)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(
        `it must belong to user ${owner}, who runs the gateway; run this command as that`,
      ),
    });
    expect((await run(['revoke', token, ...flags])).status).toBe(0);
    expect(await revokeAs(owner)).toMatchObject({ status: 0, stderr: '' });
    await chmod(join(stateDir, 'revoked-sessions.jsonl'), 0);
    expect(await revokeAs(owner)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/may not read it; give it to the user that runs the gateway \(chown\)\n$/),
    });
  },
);
