// HTTP and HTTPS as one server: the same application behind both, sharing one limit of connections.

import type { DescriptorGuard } from '../contracts/descriptor-guard.js';
import { buildHttpApp, type HttpApp } from '../servers/http/app.js';
import { MAX_CONNECTIONS } from '../servers/http/connection-limits.js';
import type { HttpDependencies } from '../servers/http/dependencies.js';
import { WebPort } from '../servers/http/web-port.js';
import { connectionsBeside, openFileLimit } from '../servers/rtmp/open-file-limit.js';
import { urlHost } from './addresses.js';
import type { GatewayParts } from './parts.js';

export interface WebUrls {
  /** `http://HOST:PORT`, with the actual port. */
  readonly http: string;
  /** `https://HOST:PORT` if `httpsPort` is set. */
  readonly https?: string;
}

export class WebServers {
  readonly #http: HttpApp;
  readonly #plain: WebPort;
  readonly #secure: WebPort | undefined;

  constructor(parts: GatewayParts, dependencies: HttpDependencies, descriptors: DescriptorGuard) {
    const { config, logger, certificate } = parts;
    const { host, httpPort, httpsPort } = config;
    // At level info Fastify logs only the addresses it listens on, which "ready" already does.
    const level = logger.level === 'info' ? 'warn' : logger.level;
    // A flood of connections must leave descriptors free for segments and FFmpeg.
    const left = connectionsBeside(config.maxConnections, openFileLimit());
    this.#http = buildHttpApp({
      ...dependencies,
      maxConnections: left && Math.min(MAX_CONNECTIONS, left),
      descriptors,
      hstsMaxAge: config.hstsMaxAge,
      logger: logger.child({ module: 'http' }, { level }),
    });
    const { connections, log } = this.#http;
    const shared = { host, connections, log, onAcceptFailed: () => descriptors.acceptFailed() };
    this.#plain = new WebPort({ ...shared, port: httpPort });
    if (httpsPort === undefined || certificate === undefined) return;
    this.#secure = new WebPort({ ...shared, port: httpsPort, certificate });
  }

  /** @throws {SluiceError} `http.listen` if a port cannot be opened; `close()` must still be called then */
  async listen(): Promise<WebUrls> {
    await this.#http.app.ready();
    const plain = await this.#plain.listen();
    const http = `http://${urlHost(plain.address)}:${plain.port}`;
    if (this.#secure === undefined) return { http };
    const secure = await this.#secure.listen();
    return { http, https: `https://${urlHost(secure.address)}:${secure.port}` };
  }

  async close(): Promise<void> {
    const ports = [this.#plain.close(), this.#secure?.close()];
    // The application begins to close before its connections do: from then on each answer ends its connection.
    const app = this.#http.app.close();
    await this.#http.connections.close();
    await Promise.all([...ports, app]);
  }
}
