// Which certificates of other servers are trusted: those of known authorities, those of a private authority, or exactly one.

import { isIP } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { SluiceError } from '../protocols/errors.js';
import { relayError } from './errors.js';

export interface TlsTrust {
  /** PEM; instead of the authorities that Node knows. */
  readonly ca?: string | undefined;
  /** SHA-256 of the server's certificate, in hexadecimal, with or without colons. */
  readonly fingerprint?: string | undefined;
}

export function tlsOptions(
  host: string,
  { ca, fingerprint }: TlsTrust,
): Pick<ConnectionOptions, 'minVersion' | 'servername' | 'ca' | 'rejectUnauthorized'> {
  return {
    minVersion: 'TLSv1.2',
    // RFC 6066 3: a literal address is not a server name.
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca }),
    // A pinned certificate is checked by `trustFault`, and need not come from an authority.
    rejectUnauthorized: fingerprint === undefined,
  };
}

/** Call before anything is sent. @returns an error if this is not the pinned server */
export function trustFault(socket: TLSSocket, { fingerprint }: TlsTrust): SluiceError | undefined {
  if (fingerprint === undefined) return undefined;
  const found = plain(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
  if (found === plain(fingerprint)) return undefined;
  return relayError('relay.certificate', `the certificate has the SHA-256 ${found}, which is not the pinned one`);
}

function plain(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}
