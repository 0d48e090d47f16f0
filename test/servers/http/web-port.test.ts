// HTTPS with real clients of both protocols, and a certificate that is replaced while they are connected.

import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { Agent, get } from 'node:https';
import { connect as connectTls } from 'node:tls';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { KeyPair } from '../../../src/contracts/certificate.js';
import { buildHttpApp, type HttpApp } from '../../../src/servers/http/app.js';
import { WebPort } from '../../../src/servers/http/web-port.js';
import { selfSignedCertificate } from '../../support/certificate.js';
import { type FakeOrigin, fakeDependencies } from './fake-origin.js';

const LONG = Buffer.from(`#EXTM3U\n${'#EXTINF:2.00000,\nseg-1.m4s\n'.repeat(100)}`);
const PATH = '/hls/live/demo/v/index.m3u8';

class ReplaceableCertificate {
  current: KeyPair;
  readonly #listeners = new Set<(pair: KeyPair) => void>();

  constructor(pair: KeyPair) {
    this.current = pair;
  }

  onChange(listener: (pair: KeyPair) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  replace(pair: KeyPair): void {
    this.current = pair;
    for (const listener of this.#listeners) listener(pair);
  }
}

function makePair(name: string): KeyPair {
  const { cert, key } = selfSignedCertificate(name);
  return { cert: Buffer.from(cert), key: Buffer.from(key), minVersion: 'TLSv1.2' };
}

let http: HttpApp;
let origin: FakeOrigin;
let server: WebPort;
let certificate: ReplaceableCertificate;
let port: number;

beforeEach(async () => {
  const dependencies = fakeDependencies();
  origin = dependencies.origin;
  origin.respond = () => ({ status: 200, kind: 'media-playlist', body: LONG, targetDuration: 2 });
  http = buildHttpApp(dependencies);
  await http.app.ready();
  certificate = new ReplaceableCertificate(makePair('first'));
  const { connections, log } = http;
  server = new WebPort({ host: '127.0.0.1', port: 0, certificate, connections, log });
  port = (await server.listen()).port;
  onTestFinished(async () => {
    await Promise.all([server.close(), http.connections.close()]);
    await http.app.close();
  });
});

function openSession() {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  onTestFinished(() => session.destroy());
  return session;
}

async function over2(session: ReturnType<typeof openSession>, headers: Record<string, string>) {
  const stream = session.request(headers);
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  // An answer without body ends together with its headers.
  const [[answer]] = (await Promise.all([once(stream, 'response'), once(stream, 'end')])) as [
    [Record<string, unknown>],
    unknown,
  ];
  return { answer, body: Buffer.concat(chunks) };
}

describe('HTTPS', () => {
  it('B3.16 speaks HTTP/2 with clients that offer it: playlists, media and pages on one connection, and pings', async () => {
    const session = openSession();
    const playlist = await over2(session, { ':path': PATH });
    expect(session.alpnProtocol).toBe('h2');
    expect(playlist.body).toEqual(LONG);
    expect(playlist.answer).toMatchObject({
      ':status': 200,
      'content-type': 'application/vnd.apple.mpegurl',
      'content-length': String(LONG.length),
      'access-control-allow-origin': '*',
    });
    const head = await over2(session, { ':path': PATH, ':method': 'HEAD' });
    expect([head.answer[':status'], head.body.length]).toEqual([200, 0]);
    const same = await over2(session, { ':path': PATH, 'if-none-match': String(playlist.answer.etag) });
    expect([same.answer[':status'], same.body.length]).toEqual([304, 0]);
    const page = await over2(session, { ':path': '/healthz' });
    expect(JSON.parse(page.body.toString())).toEqual({ status: 'ok' });
    const missing = await over2(session, { ':path': '/hls/a%20b/c/index.m3u8' });
    expect([missing.answer[':status'], missing.answer['access-control-allow-origin']]).toEqual([400, '*']);
    await new Promise<void>((resolve, reject) => {
      session.ping((error) => (error === null ? resolve() : reject(error)));
    });
  });

  it('B3.16 B3.08 frees the waiter of a stream that the client resets, and keeps the connection', async () => {
    const session = openSession();
    origin.respond = ({ signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('left')), { once: true });
      });
    const stream = session.request({ ':path': `${PATH}?_HLS_msn=9` });
    stream.on('error', () => stream.destroy());
    while (http.delivery.figures.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
    stream.close(constants.NGHTTP2_CANCEL);
    while (http.delivery.figures.waiting === 1) await new Promise((resolve) => setImmediate(resolve));
    expect(origin.calls[0]?.signal.aborted).toBe(true);
    expect((await over2(session, { ':path': '/healthz' })).answer[':status']).toBe(200);
  });

  it('B3.16 still speaks HTTP/1.1', async () => {
    const agent = new Agent({ rejectUnauthorized: false });
    const answer = await new Promise<{ version: string; status: number; body: string }>((resolve, reject) => {
      get({ host: '127.0.0.1', port, path: PATH, agent }, (reply) => {
        let body = '';
        reply.setEncoding('utf8').on('data', (text) => (body += text));
        reply.on('end', () => resolve({ version: reply.httpVersion, status: reply.statusCode ?? 0, body }));
      }).on('error', reject);
    });
    agent.destroy();
    expect(answer).toEqual({ version: '1.1', status: 200, body: LONG.toString() });
  });

  it('uses a new certificate for the next connection, and keeps existing connections', async () => {
    const commonName = async (): Promise<string | undefined> => {
      const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      return String(subject.CN);
    };
    const session = openSession();
    await over2(session, { ':path': PATH });
    expect(await commonName()).toBe('first');
    certificate.replace(makePair('second'));
    expect(await commonName()).toBe('second');
    expect((await over2(session, { ':path': PATH })).answer[':status']).toBe(200);
  });

  it('C3.13 closes a connection that sends plain text to the TLS port, and serves others', async () => {
    const plain = (await import('node:net')).connect(port, '127.0.0.1');
    plain.on('error', () => plain.destroy());
    plain.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    plain.resume();
    await once(plain, 'close');
    expect((await over2(openSession(), { ':path': '/healthz' })).answer[':status']).toBe(200);
  });

  it('fails with a typed error if the port is in use', async () => {
    const { connections, log } = http;
    const second = new WebPort({ host: '127.0.0.1', port, certificate, connections, log });
    await expect(second.listen()).rejects.toMatchObject({ code: 'http.listen' });
  });
});
