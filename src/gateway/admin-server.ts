// The listener for operators: a separate port, which only this machine can reach unless the configuration says otherwise.

import { adminSpeaksTls } from '../config/conflicts.js';
import { DEFAULT_ADMIN_PORT, NO_ADMIN_PORT } from '../config/options/admin.js';
import type { Config } from '../config/schema.js';
import type { DescriptorGuard } from '../contracts/descriptor-guard.js';
import { SluiceError } from '../protocols/errors.js';
import { type AdminApp, buildAdminApp } from '../servers/admin/app.js';
import type { AdminDependencies } from '../servers/admin/dependencies.js';
import { WebPort } from '../servers/http/web-port.js';
import { urlHost } from './addresses.js';
import type { GatewayParts } from './parts.js';

export class AdminServer {
  readonly #parts: GatewayParts;
  readonly #admin: AdminApp;
  readonly #port: WebPort;

  private constructor(parts: GatewayParts, admin: AdminApp, port: WebPort) {
    this.#parts = parts;
    this.#admin = admin;
    this.#port = port;
  }

  /** Undefined if the configuration has turned it off. */
  static create(
    parts: GatewayParts,
    dependencies: AdminDependencies,
    descriptors: DescriptorGuard,
  ): AdminServer | undefined {
    const { config, logger, certificate } = parts;
    if (config.adminPort === NO_ADMIN_PORT) return undefined;
    const admin = buildAdminApp({ ...dependencies, descriptors, logger: logger.child({ module: 'admin' }) });
    const { connections, log } = admin;
    const port = new WebPort({
      host: config.adminHost,
      port: config.adminPort ?? DEFAULT_ADMIN_PORT,
      option: 'adminPort',
      connections,
      log,
      onAcceptFailed: () => descriptors.acceptFailed(),
      ...(adminSpeaksTls(config) && certificate !== undefined && { certificate }),
    });
    return new AdminServer(parts, admin, port);
  }

  get refused(): ReadonlyMap<string, number> {
    return this.#admin.refused;
  }

  /**
   * @returns its URL; undefined if the default port is taken
   * @throws {SluiceError} `http.listen` if the port of the configuration cannot be opened
   */
  async listen(): Promise<string | undefined> {
    const { config, logger } = this.#parts;
    await this.#admin.app.ready();
    try {
      const { address, port } = await this.#port.listen();
      const isSecure = adminSpeaksTls(config);
      if (!isSecure && isExposed(config)) {
        logger.warn({ adminHost: config.adminHost }, 'operator tokens cross the network unencrypted (adminTls is off)');
      }
      return `${isSecure ? 'https' : 'http'}://${urlHost(address)}:${port}`;
    } catch (error) {
      if (config.adminPort !== undefined || !(error instanceof SluiceError)) throw error;
      const text = 'the gateway runs without its admin listener; set --admin-port to a free port, or to none';
      logger.warn({ code: error.code }, `${error.message}: ${text}`);
      return undefined;
    }
  }

  async close(): Promise<void> {
    const closed = [this.#port.close(), this.#admin.app.close()];
    await this.#admin.connections.close();
    await Promise.all(closed);
  }
}

function isExposed({ adminHost }: Config): boolean {
  return adminSpeaksTls({ adminHost, adminTls: 'auto' });
}
