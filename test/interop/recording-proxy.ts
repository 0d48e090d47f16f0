// A proxy that records the bytes that a real encoder sends.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { onTestFinished } from 'vitest';

export interface RecordingProxy {
  readonly port: number;
  /** The bytes that the client of the first connection sent. Resolves when that connection has ended. */
  readonly recorded: Promise<Buffer>;
}

export async function startRecordingProxy(target: number): Promise<RecordingProxy> {
  let done: (bytes: Buffer) => void = () => undefined;
  const recorded = new Promise<Buffer>((resolve) => {
    done = resolve;
  });
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    const upstream = connect({ port: target, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const chunks: Buffer[] = [];
    client.on('data', (bytes: Buffer) => chunks.push(bytes));
    client.on('close', () => done(Buffer.concat(chunks)));
    for (const socket of [client, upstream]) socket.on('error', () => socket.destroy());
    client.pipe(upstream);
    upstream.pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, recorded };
}
