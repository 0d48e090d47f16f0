// A page of another web site, in the browser of an operator and even with a token, can do nothing with the management API.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { addToken } from '../../src/access/operators/operator-tokens.js';
import { tokenFile } from '../../src/access/operators/token-file.js';
import { launchBrowser } from '../support/chromium.js';
import { startGateway } from '../support/gateway.js';
import { temporaryDirectory } from '../support/temp-dir.js';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

it('D6.03 a page of another site can neither read nor change anything, and the page of the API sends no request to other servers', async () => {
  const stateDir = await temporaryDirectory();
  const { admin = '' } = await startGateway('--state-dir', stateDir, '--admin-port', '0');
  const { token } = await addToken(tokenFile(stateDir), { role: 'admin', name: '' }, Date.now());
  const other = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('other'));
  other.listen(0, '127.0.0.1');
  onTestFinished(() => void other.close());
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  await page.goto(`http://localhost:${(other.address() as AddressInfo).port}/`);
  const results = await page.evaluate(
    async ([base, bearer]) => {
      const ask = (path: string, init: RequestInit) =>
        fetch(`${base}${path}`, init).then(
          async (response) => `${response.type} ${await response.text()}`,
          () => 'failed',
        );
      const headers = { authorization: `Bearer ${bearer}` };
      const body = '{"role":"admin","name":"x"}';
      return [
        await ask('/api/v1/streams', { headers }),
        await ask('/api/v1/openapi.json', {}),
        await ask('/api/v1/streams/live/cam/publisher', { method: 'DELETE', headers }),
        await ask('/api/v1/tokens', { method: 'POST', mode: 'no-cors', body }),
      ];
    },
    [admin, token] as const,
  );
  expect(results).toEqual(['failed', 'failed', 'failed', 'opaque ']);
  const list = await fetch(`${admin}/api/v1/tokens`, { headers: { authorization: `Bearer ${token}` } });
  expect(((await list.json()) as { tokens: unknown[] }).tokens).toHaveLength(1);
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(`${admin}/api/v1/docs`);
  expect(requests).toEqual([`${admin}/api/v1/docs`]);
  // Its style is not blocked by its own policy.
  expect(await page.evaluate<string>('getComputedStyle(document.body).maxWidth')).toBe('960px');
});
