// `sluice target`: it reads the URL with its key from standard input, and never prints the key.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temp-dir.js';
import { runCommand } from './command-under-test.js';

const SECRET = 'target-key-that-must-never-be-seen-91c2';

it('H1.01 H1.11 makes, lists, stops, starts and removes targets', async () => {
  const cwd = await temporaryDirectory();
  const printed: string[] = [];
  const run = async (...argv: string[]) => {
    const command = await runCommand(['target', ...argv, '--state-dir', 'state'], { cwd, secret: SECRET });
    const status = await command.status;
    printed.push(command.stdout(), command.stderr());
    return [status, command.stdout().trim()] as const;
  };
  const [status, id] = await run('add', 'live/cam', '--preset', 'twitch', '--title', 'Main');
  expect([status, id]).toEqual([0, expect.stringMatching(/^[0-9a-f]{8}$/)]);
  expect(await readFile(join(cwd, 'state/targets.json'), 'utf8')).toContain(`rtmp://live.twitch.tv/app/${SECRET}`);
  expect(await run('stop', id)).toEqual([0, `The target ${id} is stopped.`]);
  const [, list] = await run('list');
  expect(list).toBe(`${id}  live/cam  rtmp://live.twitch.tv/app/•••  stopped  twitch  "Main"`);
  expect(await run('start', id)).toEqual([0, `The target ${id} is started.`]);
  expect(await run('remove', id)).toEqual([0, `The target ${id} is removed.`]);
  expect((await run('remove', id))[0]).toBe(1);
  expect((await run('add', 'cam'))[0]).toBe(2);
  expect((await run('add', 'live/cam'))[0]).toBe(1);
  expect((await run('list', 'x'))[0]).toBe(2);
  expect(printed.join('')).not.toContain(SECRET);
});
