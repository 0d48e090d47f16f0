// A gateway with a user and a certificate, because encoders and players differ in how they take user and server.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashPassword } from '../../src/access/password-hash.js';
import { writeCertificate } from './certificate.js';
import { startGateway, type TestGateway } from './gateway.js';
import { temporaryDirectory } from './temp-dir.js';

/** Password of the user anna. */
export const PASSWORD = 's3cret.pass';

/** Serves the source, accepts the user, and also listens for RTMPS. */
export async function startSecureGateway(): Promise<TestGateway & { readonly rtmps: string }> {
  const directory = await temporaryDirectory();
  const { cert, key } = await writeCertificate(directory);
  const file = join(directory, 'sluice.yaml');
  await writeFile(file, `users:\n  - name: anna\n    hash: ${hashPassword('anna', PASSWORD)}\n`);
  const tls = ['--rtmps-port', '0', '--tls-cert', cert, '--tls-key', key];
  const gateway = await startGateway('--config', file, ...tls, '--ladder', 'source');
  return { ...gateway, rtmps: gateway.rtmps ?? '' };
}

/** The URL in the form in which encoders take user and password: before the host. */
export function withUser(url: string, password = PASSWORD): string {
  return url.replace('://', `://anna:${password}@`);
}
