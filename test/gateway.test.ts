// A gateway as a program that embeds it sees it: what it needs is checked when it is made, and its servers start as asked.
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../src/config/load-config.js';
import { createGateway, type Gateway } from '../src/gateway.js';
import { npmFfmpeg } from './support/processes.js';
import { temporaryDirectory } from './support/temp-dir.js';

async function gatewayIn(cwd: string, ...flags: string[]): Promise<Gateway> {
  const ports = ['--host', '127.0.0.1', '--rtmp-port', '0', '--http-port', '0'];
  const config = loadConfig({ argv: [...ports, '--ffmpeg-path', npmFfmpeg(), ...flags], env: {}, cwd });
  return createGateway(config, { logger: pino({ level: 'silent' }) });
}

describe('createGateway', () => {
  it.each(['--media-dir', '--state-dir'])('fails when the directory of %s cannot be made', async (flag) => {
    const cwd = await temporaryDirectory();
    writeFileSync(join(cwd, 'file'), '');
    for (const path of ['file', 'file/x', '/proc/sluice/test']) {
      await expect(gatewayIn(cwd, flag, path)).rejects.toMatchObject({ code: 'pipeline.directory' });
    }
  });

  it('makes the directories, parents included, the one of the key for nobody else to read', async () => {
    const cwd = await temporaryDirectory();
    const gateway = await gatewayIn(cwd, '--media-dir', 'a/b/media', '--state-dir', 'c/state');
    await gateway.close();
    expect(existsSync(join(cwd, 'a/b/media'))).toBe(true);
    expect(statSync(join(cwd, 'c/state')).mode & 0o777).toBe(0o700);
  });
});
