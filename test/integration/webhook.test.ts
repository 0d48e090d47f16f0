// A webhook in a whole gateway: it gives streams their public name, its reason reaches the encoder, and while it hangs for one publisher another
// is not delayed.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { startGateway } from '../support/gateway.js';
import { tryToPublish } from '../support/publish-attempt.js';
import { temporaryDirectory } from '../support/temp-dir.js';

it('D4.01 D4.05 names the stream, says why not, and delays nobody else while it hangs', async () => {
  const bodies: string[] = [];
  let hanging: (() => void) | undefined;
  const hangs = new Promise<void>((resolve) => {
    hanging = resolve;
  });
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      bodies.push(body);
      const { password } = JSON.parse(body) as { password: string };
      if (password === 'slow') hanging?.();
      else if (password === 'poor') response.end(JSON.stringify({ allow: false, reason: 'pay first' }));
      else response.end(JSON.stringify({ name: 'public-name' }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const stateDir = await temporaryDirectory();
  const gateway = await startGateway('--ladder', 'source', '--state-dir', stateDir, '--publish-webhook', url);
  const slow = tryToPublish(gateway.rtmp, 'other?pass=slow');
  await hangs;
  expect((await tryToPublish(gateway.rtmp, 'secret-key?pass=right')).refusal).toBeUndefined();
  expect(gateway.gateway.grants.listGrants()).toMatchObject([{ name: 'public-name', holder: { proof: 'webhook' } }]);
  expect(gateway.gateway.streams()).toMatchObject([{ app: 'live', name: 'public-name' }]);
  const poor = await tryToPublish(gateway.rtmp, 'cam?pass=poor');
  expect(poor.refusal).toEqual({ code: 'NetStream.Publish.Denied', description: 'pay first' });
  expect((await slow).refusal?.code).toBe('NetStream.Failed');
  expect(JSON.stringify(gateway.logs)).not.toContain('secret-key');
  expect(bodies.length).toBeGreaterThanOrEqual(3);
});
