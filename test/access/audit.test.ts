// The audit log: it has every line in order, only its owner can read it, and every later change to it is detected.
import { appendFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { auditPath } from '../../src/access/audit/audit-files.js';
import { AuditLog } from '../../src/access/audit/audit-log.js';
import { verifyAudit } from '../../src/access/audit/verify-audit.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const NOW = Date.parse('2030-01-02T03:04:05Z');
const ACTOR = { id: '1f2e3d4c', role: 'admin', name: 'me' } as const;
const change = (target: string) => ({ actor: ACTOR, action: 'token.add', target, result: 'accepted' }) as const;

async function logOf(count: number, maxFileBytes?: number) {
  const stateDir = await temporaryDirectory();
  let now = NOW;
  const log = new AuditLog({ stateDir, wallClock: () => now++, ...(maxFileBytes !== undefined && { maxFileBytes }) });
  for (let index = 1; index <= count; index++) await log.write(change(`t${index}`));
  return {
    stateDir,
    log,
    path: auditPath(stateDir),
    lines: async () => (await readFile(auditPath(stateDir), 'utf8')).trimEnd().split('\n'),
  };
}

describe('D6.04 the audit log', () => {
  it('has a numbered line for each change, which only its owner may read', async () => {
    const { lines, path, stateDir, log } = await logOf(3);
    expect((await lines()).map((line) => JSON.parse(line))).toMatchObject([
      { seq: 1, time: '2030-01-02T03:04:05.000Z', actor: ACTOR, action: 'token.add', target: 't1', result: 'accepted' },
      { seq: 2, target: 't2' },
      { seq: 3, target: 't3' },
    ]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await verifyAudit(stateDir)).toMatchObject({ lines: 3, faults: [], first: 1, last: { seq: 3 } });
    expect((await log.read({ after: 1 })).map(({ seq }) => seq)).toEqual([2, 3]);
    expect((await log.read({ since: '2030-01-02T04:04:05.002+01:00' })).map(({ seq }) => seq)).toEqual([3]);
    expect((await log.read({ limit: 2 })).map(({ seq }) => seq)).toEqual([1, 2]);
  });

  it.each<[string, (lines: string[]) => string[]]>([
    ['changed', (lines) => lines.map((line) => line.replace('"t2"', '"x2"'))],
    ['removed', (lines) => lines.filter((line) => !line.includes('"t2"'))],
    ['moved', ([a = '', b = '', ...rest]) => [b, a, ...rest]],
    ['added', ([a = '', ...rest]) => [a, a, ...rest]],
    ['replaced by something else', ([a = '', _b, ...rest]) => [a, 'nothing to see here', ...rest]],
    [
      'removed at the beginning',
      ([_a, ...rest]) => [...rest.slice(0, 1).map((line) => line.replace('"seq":2', '"seq":1')), ...rest.slice(1)],
    ],
  ])('shows a line that was %s', async (_how, tamper) => {
    const { lines, path, stateDir } = await logOf(4);
    await writeFile(path, `${tamper(await lines()).join('\n')}\n`);
    expect((await verifyAudit(stateDir)).faults.length).toBeGreaterThan(0);
  });

  it('continues after an incomplete line that a killed process has left', async () => {
    const { path, stateDir, log, lines } = await logOf(2);
    const [first = ''] = await lines();
    await appendFile(path, first.slice(0, 60));
    await log.write(change('t3'));
    expect(await verifyAudit(stateDir)).toMatchObject({ lines: 4, faults: [], torn: 1, last: { seq: 3 } });
    expect((await log.read({})).map(({ target }) => target)).toEqual(['t1', 't2', 't3']);
  });

  it('is one chain over all its files, and the oldest files are removed', async () => {
    const { stateDir, log } = await logOf(40, 700);
    const files = (await readdir(stateDir)).filter((name) => name.startsWith('audit.jsonl')).sort();
    expect(files).toHaveLength(11);
    const { faults, first = 0, last } = await verifyAudit(stateDir);
    expect(faults).toEqual([]);
    expect(first).toBeGreaterThan(1);
    expect(last?.seq).toBe(40);
    const entries = await log.read({});
    expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: 41 - first }, (_, index) => first + index));
  });

  it('is one chain even if several programs write to it at once', async () => {
    const { stateDir } = await logOf(0);
    const logs = [1, 2, 3].map(() => new AuditLog({ stateDir, wallClock: () => NOW }));
    await Promise.all(logs.flatMap((log) => ['a', 'b', 'c'].map((target) => log.write(change(target)))));
    expect(await verifyAudit(stateDir)).toMatchObject({ lines: 9, faults: [], last: { seq: 9 } });
  });

  it('limits the length of a line, whatever the change', async () => {
    const { log, lines, stateDir } = await logOf(0);
    await log.write({ ...change('long'), after: 'x'.repeat(100_000) });
    expect((await lines())[0]?.length).toBeLessThan(1000);
    expect((await verifyAudit(stateDir)).faults).toEqual([]);
  });

  it('reports that it cannot be written, and continues when it can be written again', async () => {
    const { log, stateDir } = await logOf(0);
    await mkdir(auditPath(stateDir));
    await expect(log.write(change('t1'))).rejects.toMatchObject({ code: 'audit.unwritable', kind: 'unavailable' });
    const other = new AuditLog({ stateDir: await temporaryDirectory(), wallClock: () => NOW });
    await expect(other.write(change('t1'))).resolves.toBeUndefined();
  });
});
