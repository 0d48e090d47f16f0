// Connections of trusted proxies: each begins with a header that contains the address of the client. It is read before the connection is served.

import type { Socket } from 'node:net';
import { AddressList } from '../../access/policy/address-list.js';
import { plainAddress } from '../../protocols/address-group.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import { countEnd } from './counters.js';
import { Deadline } from './deadline.js';
import { rtmpServerError } from './errors.js';
import type { ConnectionContext } from './peer.js';
import { readProxyHeader } from './proxy-header.js';

export class ProxyPeers {
  readonly #context: Pick<ConnectionContext, 'options' | 'counters' | 'limiter' | 'logger'>;
  readonly #domain: FailureDomain;
  readonly #addresses: AddressList;

  constructor(context: ConnectionContext, domain: FailureDomain) {
    this.#context = context;
    this.#domain = domain;
    this.#addresses = new AddressList(context.options.proxies);
  }

  has(address: string): boolean {
    return this.#addresses.has(address);
  }

  /**
   * Destroys the socket if the header is missing or broken. When `onClient` is called, the socket begins with the first byte of the client.
   * @param onClient gets the address of the client, or of the proxy if that connects for itself, for instance to check that the server is up
   */
  awaitClient(socket: Socket, proxy: string, onClient: (address: string) => void): void {
    const { handshakeTimeout } = this.#context.options;
    const deadline = new Deadline(this.#domain);
    let received = Buffer.alloc(0);
    const stop = (): void => {
      deadline.clear();
      socket.off('readable', readable).off('close', stop).off('error', hungUp).off('end', hungUp);
    };
    const readable = this.#domain.guard('proxy header', () => {
      const chunk: Buffer | null = socket.read();
      if (chunk === null) return;
      received = Buffer.concat([received, chunk]);
      const header = readProxyHeader(received);
      if (header === undefined) return;
      stop();
      if ('fault' in header) {
        this.#refuse(socket, proxy, header.fault);
        return;
      }
      const rest = received.subarray(header.length);
      if (rest.length > 0) socket.unshift(rest);
      onClient(plainAddress(header.address ?? proxy));
    });
    const hungUp = this.#domain.guard('proxy hangs up', () => {
      stop();
      socket.destroy();
    });
    deadline.set(handshakeTimeout, () => {
      stop();
      this.#refuse(socket, proxy, `no complete header within ${handshakeTimeout} ms`);
    });
    socket.on('readable', readable).on('close', stop).on('error', hungUp).on('end', hungUp);
  }

  #refuse(socket: Socket, proxy: string, fault: string): void {
    const { counters, limiter, logger } = this.#context;
    const { code, message } = rtmpServerError('rtmp-server.proxy-header', `connection of a proxy refused: ${fault}`);
    socket.on('error', () => socket.destroy());
    socket.destroy();
    countEnd(counters, code);
    const admitted = limiter.admit(code);
    if (admitted !== undefined) logger.warn({ proxy, code, ...admitted }, message);
  }
}
