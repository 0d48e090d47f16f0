// A new certificate is used while connections are open, and an unusable one does not replace the old one.

import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { KeyPair } from '../../src/contracts/certificate.js';
import { TlsCertificate } from '../../src/tls/certificate.js';
import { selfSignedCertificate, writeCertificate } from '../support/certificate.js';
import { temporaryDirectory } from '../support/temp-dir.js';

async function watched() {
  const directory = await temporaryDirectory();
  const first = selfSignedCertificate('first');
  const paths = await writeCertificate(directory, first);
  const messages: string[] = [];
  const log = (_: object, message: string) => void messages.push(message);
  const certificate = await TlsCertificate.load({ ...paths, logger: { info: log, error: log }, interval: 20 });
  onTestFinished(() => certificate.close());
  const changes: KeyPair[] = [];
  certificate.onChange((pair) => changes.push(pair));
  return { directory, paths, first, messages, certificate, changes };
}

describe('TlsCertificate', () => {
  it('loads a pair, for TLS 1.2 and later', async () => {
    const { certificate, first } = await watched();
    expect(certificate.current).toEqual({
      cert: Buffer.from(first.cert),
      key: Buffer.from(first.key),
      minVersion: 'TLSv1.2',
    });
  });

  it.each(['missing', 'no PEM', 'another key'])('does not start with a pair of which one is %s', async (fault) => {
    const directory = await temporaryDirectory();
    const paths = await writeCertificate(directory);
    if (fault === 'missing') await rm(paths.key);
    else await writeFile(paths.key, fault === 'no PEM' ? 'hello' : selfSignedCertificate().key);
    const logger = { info: () => undefined, error: () => undefined };
    await expect(TlsCertificate.load({ ...paths, logger })).rejects.toMatchObject({
      code: 'tls.certificate',
      message: expect.stringContaining(paths.cert),
    });
  });

  it('names the one of the two files that cannot be read', async () => {
    const directory = await temporaryDirectory();
    const { cert } = await writeCertificate(directory);
    const logger = { info: () => undefined, error: () => undefined };
    await expect(TlsCertificate.load({ cert, key: directory, logger })).rejects.toThrow(
      `${directory} cannot be read (EISDIR, a directory is in the place of a file)`,
    );
  });

  it('loads a new pair, whether the files are overwritten or renamed into place', async () => {
    const { directory, paths, certificate, changes } = await watched();
    const second = selfSignedCertificate('second');
    await writeCertificate(directory, second);
    await expect.poll(() => certificate.current.cert.toString()).toBe(second.cert);
    const third = selfSignedCertificate('third');
    await writeFile(join(directory, 'new.pem'), third.key);
    await rename(join(directory, 'new.pem'), paths.key);
    await writeFile(join(directory, 'new.pem'), third.cert);
    await rename(join(directory, 'new.pem'), paths.cert);
    await expect.poll(() => certificate.current.cert.toString()).toBe(third.cert);
    expect(changes.at(-1)).toBe(certificate.current);
  });

  it('keeps the old pair while the new one is broken, logs that once, and loads the repaired one', async () => {
    const { directory, paths, first, messages, certificate } = await watched();
    await writeFile(paths.cert, 'half a certifi');
    await expect.poll(() => messages).toEqual(['the new certificate cannot be used, the old one stays in force']);
    expect(certificate.current.cert.toString()).toBe(first.cert);
    const repaired = selfSignedCertificate('repaired');
    await writeCertificate(directory, repaired);
    await expect.poll(() => certificate.current.cert.toString()).toBe(repaired.cert);
    expect(messages.filter((message) => message === 'new certificate in force')).toHaveLength(1);
  });

  it('stops checking when it is closed', async () => {
    const { directory, certificate, changes, first } = await watched();
    certificate.close();
    const other = await TlsCertificate.load({
      ...(await writeCertificate(directory, selfSignedCertificate('later'))),
      logger: { info: () => undefined, error: () => undefined },
      interval: 20,
    });
    onTestFinished(() => other.close());
    const seen = new Promise<void>((resolve) => other.onChange(() => resolve()));
    await writeCertificate(directory, selfSignedCertificate('last'));
    await seen;
    expect(changes).toEqual([]);
    expect(certificate.current.cert.toString()).toBe(first.cert);
  });
});
