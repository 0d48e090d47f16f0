// HTTP and HTTPS as one thing that listens and closes: the same application behind both, and the connections shared between them.
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { listenReason, systemCode } from '../protocols/system-error.js';
import { buildHttpApp } from '../servers/http/app.js';
import { MAX_CONNECTIONS } from '../servers/http/connections.js';
import type { HttpDependencies } from '../servers/http/dependencies.js';
import { httpError } from '../servers/http/errors.js';
import { SecureServer } from '../servers/http/secure-server.js';
import type { DescriptorGuard } from '../servers/rtmp/descriptor-reserve.js';
import { connectionsBeside, openFileLimit } from '../servers/rtmp/open-file-limit.js';
import { urlHost } from './addresses.js';
import type { GatewayParts } from './parts.js';

export interface WebUrls {
  /** `http://HOST:PORT`, with the real port. */
  readonly http: string;
  /** `https://HOST:PORT` when `httpsPort` is set. */
  readonly https?: string;
}

export class WebServers {
  readonly #parts: GatewayParts;
  readonly #app: FastifyInstance;
  readonly #secure: SecureServer | undefined;

  constructor(parts: GatewayParts, dependencies: HttpDependencies, descriptors: DescriptorGuard) {
    const { config, logger, certificate } = parts;
    this.#parts = parts;
    // At info Fastify has one thing to say, a line per address it listens on: "ready" says it once.
    const level = logger.level === 'info' ? 'warn' : logger.level;
    // Whoever floods one port must leave descriptors for the other, for segments and for FFmpeg.
    const left = connectionsBeside(config.maxConnections, openFileLimit());
    const ports = config.httpsPort === undefined ? 1 : 2;
    const maxConnections = left && Math.min(MAX_CONNECTIONS, Math.ceil(left / ports));
    const { app, handle } = buildHttpApp({
      ...dependencies,
      maxConnections,
      descriptors,
      logger: logger.child({ room: 'http' }, { level }),
    });
    this.#app = app;
    if (config.httpsPort === undefined || certificate === undefined) return;
    this.#secure = new SecureServer({
      host: config.host,
      port: config.httpsPort,
      certificate,
      handle,
      descriptors,
      ...(maxConnections !== undefined && { maxConnections }),
    });
  }

  /** @throws {SluiceError} `http.listen` when a port cannot be had; call `close()` then */
  async listen(): Promise<WebUrls> {
    const { address, port } = await this.#listen();
    const http = `http://${urlHost(address)}:${port}`;
    if (this.#secure === undefined) return { http };
    const secure = await this.#secure.listen();
    return { http, https: `https://${urlHost(secure.address)}:${secure.port}` };
  }

  async #listen(): Promise<AddressInfo> {
    const { host, httpPort: port } = this.#parts.config;
    try {
      await this.#app.listen({ host, port });
    } catch (cause) {
      // An error of Fastify itself has nothing to do with the port.
      if (systemCode(cause) === undefined) throw cause;
      const reason = listenReason(cause, port);
      throw httpError('http.listen', `cannot listen on ${host}:${port} (httpPort): ${reason}`, { cause });
    }
    return this.#app.server.address() as AddressInfo;
  }

  async close(): Promise<void> {
    await Promise.all([this.#app.close(), this.#secure?.close()]);
  }
}
