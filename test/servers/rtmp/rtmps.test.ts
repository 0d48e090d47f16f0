// RTMP inside TLS behaves like plain RTMP, and a renewed certificate disturbs nobody.

import { once } from 'node:events';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CertificateSource, KeyPair } from '../../../src/contracts/certificate.js';
import { selfSignedCertificate } from '../../support/certificate.js';
import { audioBody, Encoder, HANDSHAKE, rawPeer, startServer } from './server-under-test.js';

class Certificates implements CertificateSource {
  current: KeyPair;
  #listener: ((pair: KeyPair) => void) | undefined;

  constructor(commonName: string) {
    this.current = Certificates.#pair(commonName);
  }

  onChange(listener: (pair: KeyPair) => void): () => void {
    this.#listener = listener;
    return () => {
      this.#listener = undefined;
    };
  }

  renew(commonName: string): void {
    this.current = Certificates.#pair(commonName);
    this.#listener?.(this.current);
  }

  static #pair(commonName: string): KeyPair {
    const { cert, key } = selfSignedCertificate(commonName);
    return { cert: Buffer.from(cert), key: Buffer.from(key), minVersion: 'TLSv1.2' };
  }
}

const shownName = (socket: TLSSocket): unknown => socket.getPeerCertificate().subject.CN;

describe('RTMPS', () => {
  it('C3.13 serves publishers inside TLS like others, and counts them together', async () => {
    const { tlsPort, target, server } = await startServer({ certificate: new Certificates('a') });
    const encoder = new Encoder(tlsPort, 'show', { tls: true });
    await encoder.event('publishing');
    expect((encoder.socket as TLSSocket).getProtocol()).toBe('TLSv1.3');
    encoder.send('audio', 0, audioBody(100_000));
    const received = await target();
    await received.received(1);
    expect(received.request.remoteAddress).toBe('127.0.0.1');
    expect(server.counters).toMatchObject({ connections: 1, publishers: 1, tlsErrors: 0 });
    encoder.session.unpublish();
    encoder.flush();
    encoder.socket.end();
    await received.ended;
    await expect.poll(() => server.counters.connections).toBe(0);
  });

  it('C3.13 closes a peer that speaks plain RTMP to the TLS port, or a TLS older than 1.2, and logs one line', async () => {
    const { tlsPort, server, logs } = await startServer({ certificate: new Certificates('a') });
    const plain = await rawPeer(tlsPort);
    plain.resume().write(HANDSHAKE);
    await once(plain, 'close');
    const old = connectTls({
      port: tlsPort,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    onTestFinished(() => void old.destroy());
    await expect(once(old, 'secureConnect')).rejects.toThrow('protocol version');
    await expect.poll(() => server.counters).toMatchObject({ connections: 0, tlsErrors: 2 });
    const lines = logs.filter(({ message }) => message === 'rtmps handshake failed');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatchObject({ peer: '127.0.0.1', reason: expect.not.stringContaining('\n') });
    await new Encoder(tlsPort, 'show', { tls: true }).event('publishing');
  });

  it('C3.13 shows a renewed certificate to new connections and keeps the old ones', async () => {
    const certificate = new Certificates('first');
    const { tlsPort, target } = await startServer({ certificate });
    const before = new Encoder(tlsPort, 'before', { tls: true });
    await before.event('publishing');
    certificate.renew('second');
    const after = new Encoder(tlsPort, 'after', { tls: true });
    await after.event('publishing');
    expect([before, after].map(({ socket }) => shownName(socket as TLSSocket))).toEqual(['first', 'second']);
    before.send('audio', 0, audioBody());
    await (await target()).received(1);
  });

  it('A1.10 C2.01 closes TLS handshakes that never end, within the same limits', async () => {
    const { tlsPort, server } = await startServer({
      certificate: new Certificates('a'),
      handshakeTimeout: 100,
      maxConnectionsPerIp: 2,
    });
    const silent = await Promise.all([rawPeer(tlsPort), rawPeer(tlsPort)]);
    const closed = silent.map((socket) => once(socket.resume(), 'close'));
    const third = await rawPeer(tlsPort);
    await once(third.resume(), 'close');
    expect(server.counters.refusedAddressLimit).toBe(1);
    await Promise.all(closed);
    await expect.poll(() => server.counters.connections).toBe(0);
  });

  it('ends handshakes in progress when the server closes', async () => {
    const { tlsPort, server } = await startServer({ certificate: new Certificates('a') });
    const silent = await rawPeer(tlsPort);
    await expect.poll(() => server.counters.connections).toBe(1);
    const closed = once(silent.resume(), 'close');
    await server.close();
    await closed;
    expect(server.counters.connections).toBe(0);
  });
});
