// The HTTP side with its ports, a plain one and one with TLS, for tests that need real connections.
import { onTestFinished } from 'vitest';
import { type AppDependencies, buildHttpApp, type HttpApp } from '../../../src/servers/http/app.js';
import { WebPort } from '../../../src/servers/http/web-port.js';
import { selfSignedCertificate } from '../../support/certificate.js';
import { fakeDependencies } from './fake-origin.js';

const { cert, key } = selfSignedCertificate();
const pair = { cert: Buffer.from(cert), key: Buffer.from(key), minVersion: 'TLSv1.2' } as const;
const certificate = { current: pair, onChange: () => () => undefined };

export interface Site {
  readonly http: HttpApp;
  readonly lines: { readonly fields: Record<string, unknown>; readonly message: string }[];
  readonly plain: number;
  readonly secure: number;
  close(): Promise<void>;
}

/** Both ports in front of one application, as the gateway has them; closed at the end of the test. */
export async function openSite(options: Partial<AppDependencies> = {}): Promise<Site> {
  const http = buildHttpApp({ ...fakeDependencies(), ...options });
  await http.app.ready();
  const lines: Site['lines'] = [];
  const log = {
    write: (_level: string, fields: object, message: string) => lines.push({ fields: { ...fields }, message }),
  };
  const shared = { host: '127.0.0.1', port: 0, connections: http.connections, log: log as never };
  const ports = [new WebPort(shared), new WebPort({ ...shared, certificate })] as const;
  const [plain, secure] = [await ports[0].listen(), await ports[1].listen()];
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= (async () => {
      const ended = ports.map((port) => port.close());
      await http.connections.close();
      await Promise.all([...ended, http.app.close()]);
    })();
    return closed;
  };
  onTestFinished(close);
  return { http, lines, plain: plain.port, secure: secure.port, close };
}
