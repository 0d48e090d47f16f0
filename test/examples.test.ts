// People copy the examples, so they must run: each is started, opened in a browser, or points to a tested file of deploy/.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startLiveFixture } from './e2e/live-fixture.js';
import { publishLoop } from './faults/looping-publisher.js';
import { buildProgram } from './support/built-program.js';
import { launchBrowser } from './support/chromium.js';
import { startGateway } from './support/gateway.js';
import { PATIENCE } from './support/patience.js';
import { temporaryDirectory } from './support/temp-dir.js';
import { makeFlvSource } from './transcode/flv-source.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8');

/** Replaces texts that depend on the machine. Throws if a text does not occur. */
function replaced(text: string, replacements: Readonly<Record<string, string>>): string {
  let result = text;
  for (const [from, to] of Object.entries(replacements)) {
    expect(result).toContain(from);
    result = result.replaceAll(from, to);
  }
  return result;
}

/** Starts an application as somebody who has copied it. Resolves when it says where it listens. */
async function startApplication(source: string, environment: Readonly<Record<string, string>> = {}) {
  const directory = await temporaryDirectory();
  await mkdir(join(directory, 'node_modules'));
  await symlink(await buildProgram(), join(directory, 'node_modules/sluice'));
  const require = createRequire(join(root, 'package.json'));
  await symlink(dirname(require.resolve('fastify')), join(directory, 'node_modules/fastify'));
  await writeFile(join(directory, 'app.mjs'), source);
  const env = { ...process.env, ...environment };
  const program = spawn(process.execPath, ['app.mjs'], { cwd: directory, env, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void program.kill('SIGKILL'));
  const ended = once(program, 'close');
  const [line] = (await once(program.stdout.setEncoding('utf8'), 'data')) as [string];
  return { program, ended, address: /open (http:\/\/localhost:\d+)\//.exec(line)?.[1] ?? '' };
}

describe('examples/members', () => {
  it('plays for a member who has logged in, and for nobody else', async () => {
    const secret = 'a-secret-of-the-site-0123456789abcdef';
    const flags = ['--play-access', 'token', '--play-secrets', secret, '--ladder', 'source'];
    const gateway = await startGateway(...flags);
    await publishLoop(gateway.publishUrl('show'), await makeFlvSource({ seconds: 4, gop: 25 }));
    const source = replaced(await read('examples/members/app.js'), {
      'http://localhost:8080': gateway.http,
      'port: 3000': 'port: 0',
    });
    const { program, ended, address } = await startApplication(source, { SLUICE_PLAY_SECRETS: secret });
    const browser = await launchBrowser();
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    const logIn = async (password: string): Promise<void> => {
      await page.goto(`${address}/`);
      await page.getByLabel('Name').fill('ada');
      await page.getByLabel('Password').fill(password);
      await page.getByRole('button', { name: 'Log in' }).click();
    };
    await logIn('wrong');
    expect(page.frames()).toHaveLength(1);
    expect((await fetch(`${address}/token`)).status).toBe(401);
    await logIn('correct horse');
    await page.waitForSelector('iframe');
    await page.frames()[1]?.waitForSelector('video[data-state="playing"]', { state: 'attached', timeout: PATIENCE });
    const token = await page.evaluate("fetch('/token').then((answer) => answer.text())");
    expect((await fetch(`${gateway.http}/hls/live/show/index.m3u8?token=${String(token)}`)).status).toBe(200);
    expect((await fetch(`${gateway.http}/hls/live/show/index.m3u8`)).status).toBe(401);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('button', { name: 'Log in' }).waitFor();
    expect(await page.evaluate("fetch('/token').then((answer) => answer.status)")).toBe(401);
    program.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
});

describe('examples/fastify', () => {
  it('lets only members watch, and ends cleanly on SIGTERM', async () => {
    const source = replaced(await read('examples/fastify/app.js'), {
      'rtmpPort: 1935': 'rtmpPort: 0',
      'port: 3000': 'port: 0',
    });
    const { program, ended, address } = await startApplication(source);

    const front = await fetch(`${address}/`);
    const cookie = front.headers.get('set-cookie')?.split(';')[0] ?? '';
    const watch = /href="([^"]+)"/.exec(await front.text())?.[1] ?? '';
    expect((await fetch(`${address}${watch}`)).status).toBe(403);
    expect((await fetch(`${address}/video/hls/live/show/index.m3u8`)).status).toBe(403);
    const page = await fetch(`${address}${watch}`, { headers: { cookie } });
    expect([page.status, (await page.text()).includes('<video')]).toEqual([200, true]);

    program.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
});

describe('examples/page', () => {
  it('plays the stream, has working buttons, and shows what the player reports', async () => {
    const { fixture, url } = await startLiveFixture();
    await fixture.publish();
    // Another host name is another site.
    const gateway = url.replace('127.0.0.1', 'localhost');
    const source = replaced(await read('examples/page/index.html'), {
      'http://localhost:8080': gateway,
      'live/show': 'live/test',
    });
    const site = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(source));
    site.listen(0, '127.0.0.1');
    await once(site, 'listening');
    onTestFinished(() => void site.close());
    const browser = await launchBrowser();
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);

    const untilStatus = (text: RegExp) => page.locator('#status', { hasText: text }).waitFor({ timeout: PATIENCE });
    await untilStatus(/^Live, \d+\.\d s behind$/);
    await page.getByRole('button', { name: 'Pause' }).click();
    await untilStatus(/^Paused$/);
    await page.getByRole('button', { name: 'Play' }).click();
    await untilStatus(/^Live/);
    await page.getByRole('button', { name: 'Sound' }).click();
    await page.frames()[1]?.waitForFunction("!document.querySelector('video').muted");
    await page.getByRole('button', { name: 'Live' }).click();
    expect(complaints).toEqual([]);
  });
});

describe('examples that are files of deploy/', () => {
  it.each(['tls-proxy', 'compose', 'systemd'])('%s names files that tests run', async (name) => {
    const files = [...(await read(`examples/${name}/README.md`)).matchAll(/\]\(\.\.\/\.\.\/deploy\/([\w.-]+)\)/g)];
    expect(files.length).toBeGreaterThan(0);
    const tests = await read('test/integration/deploy.test.ts');
    for (const [, file] of files) expect(tests).toContain(`'${file}'`);
  });
});
