// The command line: its help, its exit statuses, and that all mistakes in one call are reported together.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { OPTIONS } from '../../src/config/option.js';
import { runCommand } from './command-under-test.js';

describe('command line', () => {
  it.each([['--help'], ['-h'], ['help'], ['serve --help'], ['--bad --help']])('%s shows every option', async (line) => {
    const run = await runCommand(line.split(' '));
    expect(await run.status).toBe(0);
    // Secrets have no flag: a command line can be read by everybody on the machine.
    for (const { flag } of OPTIONS) if (flag !== undefined) expect(run.stdout()).toContain(flag);
    for (const command of ['serve', 'demo', 'doctor', 'hash-password']) expect(run.stdout()).toContain(`  ${command} `);
    expect(run.stderr()).toBe('');
  });

  it('--version shows the version of the package', async () => {
    const run = await runCommand(['--version']);
    expect(await run.status).toBe(0);
    const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(run.stdout()).toBe(`${manifest.version}\n`);
  });

  it('reports all mistakes together, and exits with 2', async () => {
    const run = await runCommand(['serv', '--http-prot', '1', '--rtmp-port', 'x'], {
      env: { SLUICE_LOGLEVEL: 'info' },
    });
    expect(await run.status).toBe(2);
    expect(run.stdout()).toBe('');
    expect(run.stderr().split('\n')).toEqual([
      'sluice: "serv": unknown command, expected serve, demo, doctor, sign, revoke, key, user, target, token, audit, recording, hash-password; did you mean serve?',
      '3 problems with the configuration:',
      '  SLUICE_LOGLEVEL: unknown environment variable; did you mean SLUICE_LOG_LEVEL?',
      '  --http-prot: unknown option; did you mean --http-port?',
      '  --rtmp-port: got "x", expected a whole number from 0 to 65535',
      'sluice --help lists every command and option.',
      '',
    ]);
  });

  it.each(['serve', 'demo', 'doctor'])('%s checks its options before it does anything', async (command) => {
    const run = await runCommand([command, '--part-duration', '9']);
    expect(await run.status).toBe(2);
    expect(run.stderr()).toContain('1 problem with the configuration');
  });
});
