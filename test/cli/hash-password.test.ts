// With the printed line a user can publish with that password, and the password itself is never shown.
import { describe, expect, it } from 'vitest';
import { createPublishAccess } from '../../src/access/publish-access.js';
import { parseConfigFile } from '../../src/config/file.js';
import { policySteps } from '../support/policy-steps.js';
import { runCommand } from './command-under-test.js';

describe('hash-password', () => {
  it('prints a line for the configuration that accepts the password, and never the password itself', async () => {
    const secret = 'p&ssw=rd with spaces';
    const run = await runCommand(['hash-password', 'anna'], { secret });
    expect(await run.status).toBe(0);
    expect(run.stdout() + run.stderr()).not.toContain(secret);
    const { assignments, problems } = parseConfigFile(`users:\n${run.stdout()}`, 'sluice.yaml');
    expect(problems).toEqual([]);
    const users = assignments[0]?.raw as { name: string; hash: string }[];
    expect(users).toEqual([{ name: 'anna', hash: expect.stringMatching(/^adobe:/) }]);
    const access = createPublishAccess({ steps: policySteps(), apps: ['live'], key: null, users });
    const query = new URLSearchParams({ user: 'anna', pass: secret });
    const remoteAddress = '192.0.2.1';
    expect(await access.check({ app: 'live', name: 'show', query, remoteAddress })).toMatchObject({ allowed: true });
  });

  it.each([[[]], [['anna', 'secret-as-argument']], [['an na']], [['anna&x']]])(
    'refuses %j without repeating it: it may be the password',
    async (argv) => {
      const run = await runCommand(['hash-password', ...argv], { secret: 'x' });
      expect(await run.status).toBe(2);
      expect(run.stdout()).toBe('');
      expect(run.stderr()).toContain('usage: sluice hash-password USER');
      for (const word of argv) if (word !== 'anna') expect(run.stderr()).not.toContain(word);
    },
  );

  it('needs a password', async () => {
    const run = await runCommand(['hash-password', 'anna'], { secret: '' });
    expect(await run.status).toBe(2);
    expect(run.stderr()).toContain('got no password');
  });
});
