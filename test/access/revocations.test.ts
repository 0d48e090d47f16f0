// Revoked sessions: they stay revoked whatever happens to the file, and a command never reports a revocation that it has not written.
import { execFile } from 'node:child_process';
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { inspectPlaySecret, resolvePlaySecrets } from '../../src/access/tickets/play-secrets.js';
import { MAX_REVOCATION_BYTES, revocationPath } from '../../src/access/tickets/revocation-file.js';
import { Revocations } from '../../src/access/tickets/revocations.js';
import { revokeSession } from '../../src/access/tickets/revoke-session.js';
import { eventually } from '../support/hls-client.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const NOW = 1_800_000_000;
const now = NOW * 1000;
const LATER = NOW + 3_600;
const isRoot = process.getuid?.() === 0;
/** Any user but root. */
const SOMEBODY = 54_321;

const inPlaceOfTheFile: [string, (path: string) => Promise<unknown>, string][] = [
  ['a directory', (path) => mkdir(path), 'it is a directory'],
  ['a pipe', (path) => promisify(execFile)('mkfifo', [path]), 'it is not a file'],
  ['a symbolic link', (path) => symlink('/dev/null', path), 'it is a symbolic link'],
  [
    'a file of 40 MB',
    async (path) => {
      await writeFile(path, '');
      await truncate(path, 40_000_000);
    },
    'it has 40000000 bytes, expected at most 33554432',
  ],
];

async function follow(stateDir: string) {
  const lines: { level: string; message: string }[] = [];
  const log = (level: string) => (_fields: object, message: string) => void lines.push({ level, message });
  const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
  const revoked = await Revocations.follow({ stateDir, logger, wallClock: () => now, pollInterval: 5 });
  onTestFinished(() => revoked.close());
  const logged = (text: string) => lines.filter(({ message }) => message.includes(text));
  return { revoked, logged };
}

describe('the gateway', () => {
  it('applies what a command has written, and logs it once', async () => {
    const stateDir = await temporaryDirectory();
    const { revoked, logged } = await follow(stateDir);
    await revokeSession(stateDir, { sid: 'session-1', until: LATER }, now);
    await eventually(async () => revoked.has('session-1') || undefined);
    await revokeSession(stateDir, { sid: 'session-2', until: LATER }, now);
    await eventually(async () => revoked.has('session-2') || undefined);
    expect(logged('sessions of viewers are revoked')).toHaveLength(2);
  });

  it.each(inPlaceOfTheFile)('does not start with %s in place of the file', async (_, put, what) => {
    const stateDir = await temporaryDirectory();
    await put(revocationPath(stateDir));
    await expect(follow(stateDir)).rejects.toMatchObject({
      code: 'access.revocations',
      message: expect.stringContaining(what),
    });
  });

  it.each(inPlaceOfTheFile)(
    'keeps the last version with %s in place of the file, reports it once, and reads the repaired file',
    async (_, put) => {
      const stateDir = await temporaryDirectory();
      await revokeSession(stateDir, { sid: 'session-1', until: LATER }, now);
      const { revoked, logged } = await follow(stateDir);
      const path = revocationPath(stateDir);
      await rm(path);
      await put(path);
      await eventually(async () => logged('cannot be read').length > 0 || undefined);
      await rm(path, { recursive: true });
      await revokeSession(stateDir, { sid: 'session-2', until: LATER }, now);
      await eventually(async () => revoked.has('session-2') || undefined);
      expect(revoked.has('session-1')).toBe(true);
      expect(logged('cannot be read')).toHaveLength(1);
      await eventually(async () => logged('read again').length === 1 || undefined);
    },
  );

  it('keeps the last version when the file is removed, and logs that it is gone', async () => {
    const stateDir = await temporaryDirectory();
    await revokeSession(stateDir, { sid: 'session-1', until: LATER }, now);
    const { revoked, logged } = await follow(stateDir);
    await rm(revocationPath(stateDir));
    await eventually(async () => logged('is gone').length === 1 || undefined);
    expect(revoked.has('session-1')).toBe(true);
  });

  it('takes the latest end of a session that is listed twice', async () => {
    const stateDir = await temporaryDirectory();
    const line = (until: number) => `${JSON.stringify({ sid: 'session-1', until })}\n`;
    await writeFile(revocationPath(stateDir), `${line(LATER)}${line(NOW - 3_600)}`);
    const { revoked } = await follow(stateDir);
    expect(revoked.has('session-1')).toBe(true);
  });
});

describe('a command', () => {
  it('removes expired sessions, and nothing else', async () => {
    const stateDir = await temporaryDirectory();
    const path = revocationPath(stateDir);
    const lines = [NOW - 301, NOW - 299, LATER].map((until) => JSON.stringify({ sid: `until-${until}`, until }));
    await writeFile(path, `${lines.join('\n')}\n{"sid":"cut off`);
    await revokeSession(stateDir, { sid: 'session-1', until: LATER }, now);
    const text = await readFile(path, 'utf8');
    expect(text).not.toContain(lines[0]);
    for (const kept of [lines[1], lines[2], '{"sid":"cut off', `{"sid":"session-1","until":${LATER}}`]) {
      expect(text.split('\n')).toContain(kept);
    }
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(stateDir)).toEqual(['revoked-sessions.jsonl']);
  });

  it('loses no session when many commands run at once', async () => {
    const stateDir = await temporaryDirectory();
    const sids = Array.from({ length: 20 }, (_, i) => `session-${i}`);
    await Promise.all(sids.map((sid) => revokeSession(stateDir, { sid, until: LATER }, now)));
    const { revoked } = await follow(stateDir);
    expect(sids.filter((sid) => !revoked.has(sid))).toEqual([]);
  });

  it('continues after a killed command, and removes its leftovers', async () => {
    const stateDir = await temporaryDirectory();
    const path = revocationPath(stateDir);
    await writeFile(`${path}.lock`, '');
    await utimes(`${path}.lock`, new Date(0), new Date(0));
    await writeFile(`${path}.new`, '{"sid":"half');
    await revokeSession(stateDir, { sid: 'session-1', until: LATER }, now);
    expect(await readdir(stateDir)).toEqual(['revoked-sessions.jsonl']);
    expect(await readFile(path, 'utf8')).toBe(`{"sid":"session-1","until":${LATER}}\n`);
  });

  it.each(inPlaceOfTheFile)('fails with %s in place of the file, and leaves that unchanged', async (_, put, what) => {
    const stateDir = await temporaryDirectory();
    const path = revocationPath(stateDir);
    await put(path);
    const before = await stat(path);
    await expect(revokeSession(stateDir, { sid: 'session-1', until: LATER }, now)).rejects.toMatchObject({
      code: 'access.revocations',
      message: expect.stringContaining(what),
    });
    expect((await stat(path)).ino).toBe(before.ino);
  });

  it('fails if the file would become larger than the gateway reads', async () => {
    const stateDir = await temporaryDirectory();
    const path = revocationPath(stateDir);
    const line = `${JSON.stringify({ sid: 'x'.repeat(32), until: LATER })}\n`;
    await writeFile(path, line.repeat(Math.floor(MAX_REVOCATION_BYTES / line.length)));
    await expect(revokeSession(stateDir, { sid: 'y'.repeat(32), until: LATER }, now)).rejects.toMatchObject({
      code: 'access.revocations',
    });
  });
});

describe.skipIf(!isRoot)('a file that root creates in the state directory', () => {
  it('belongs to the owner of the directory, even if root had created an earlier one', async () => {
    const stateDir = await temporaryDirectory();
    await chown(stateDir, SOMEBODY, SOMEBODY);
    const path = revocationPath(stateDir);
    for (const sid of ['session-1', 'session-2']) {
      await revokeSession(stateDir, { sid, until: LATER }, now);
      expect(await stat(path)).toMatchObject({ uid: SOMEBODY, gid: SOMEBODY });
      await chown(path, 0, 0);
    }
    await resolvePlaySecrets([], stateDir);
    expect(await stat(join(stateDir, 'play-secret'))).toMatchObject({ uid: SOMEBODY, gid: SOMEBODY });
  });

  it('belongs to the user that runs the gateway, if somebody else owns the directory', async () => {
    const stateDir = await temporaryDirectory();
    const lock = join(stateDir, 'gateway.lock');
    await writeFile(lock, '');
    await chown(lock, SOMEBODY, SOMEBODY);
    await revokeSession(stateDir, { sid: 'session-1', until: LATER }, now);
    expect(await stat(revocationPath(stateDir))).toMatchObject({ uid: SOMEBODY, gid: SOMEBODY });
  });

  it('belongs to the owner of the parent directory, if the state directory did not exist', async () => {
    const above = await temporaryDirectory();
    await chown(above, SOMEBODY, SOMEBODY);
    const stateDir = join(above, 'var', 'state');
    await resolvePlaySecrets([], stateDir);
    for (const path of ['var', 'var/state', 'var/state/play-secret'])
      expect(await stat(join(above, path)), path).toMatchObject({ uid: SOMEBODY, gid: SOMEBODY });
    expect(await inspectPlaySecret(stateDir)).toBe(true);
  });

  it('a user other than that of the gateway revokes nothing, and learns which user can', async () => {
    const stateDir = await temporaryDirectory();
    await chmod(stateDir, 0o777);
    vi.spyOn(process, 'geteuid').mockReturnValue(SOMEBODY);
    onTestFinished(() => void vi.restoreAllMocks());
    await expect(revokeSession(stateDir, { sid: 'session-1', until: LATER }, now)).rejects.toThrow(
      'it must belong to user 0, who runs the gateway; run this command as that user, or as root',
    );
    expect(await readdir(stateDir)).toEqual([]);
  });
});
