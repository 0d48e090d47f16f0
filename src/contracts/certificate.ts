// A certificate as the servers use it. It may be replaced while connections are open.

export interface KeyPair {
  /** PEM, including the chain. */
  readonly cert: Buffer;
  /** PEM. */
  readonly key: Buffer;
  readonly minVersion: 'TLSv1.2';
}

export interface CertificateSource {
  readonly current: KeyPair;
  /** @returns a function that removes the listener */
  onChange(listener: (pair: KeyPair) => void): () => void;
}
