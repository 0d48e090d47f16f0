// The dependencies of the management API: the parts of the gateway that operators may see or change.

import { readFileSync } from 'node:fs';
import { AuditLog } from '../access/audit/audit-log.js';
import { OperatorTokens } from '../access/operators/operator-tokens.js';
import { revokeSession } from '../access/tickets/revoke-session.js';
import { redactConfig } from '../config/load-config.js';
import type { PullSourceState, PushControl } from '../contracts/relay.js';
import type { AdminDependencies, ShownOption } from '../servers/admin/dependencies.js';
import type { Health, StreamDirectory } from '../servers/http/dependencies.js';
import type { MetricsPage } from '../servers/http/metrics/figures.js';
import type { GatewayParts } from './parts.js';
import { publisherStore } from './publisher-store.js';

export interface ManagedGateway {
  readonly health: Health;
  readonly streams: StreamDirectory;
  readonly targets: PushControl;
  readonly sources: () => readonly PullSourceState[];
  readonly metrics: () => MetricsPage | undefined;
}

export function adminDependencies(
  { config, logger, clock, access, recording, events }: GatewayParts,
  { health, streams, targets, sources, metrics }: ManagedGateway,
): AdminDependencies {
  const { stateDir, adminHost, adminHosts, adminOrigins, auditRequired } = config;
  const wallClock = () => clock.wallClock();
  const shown = redactConfig(config);
  const configuration: readonly ShownOption[] = Object.entries(shown).map(([key, value]) => ({ key, value }));
  return {
    version: programVersion(),
    health,
    streams,
    grants: access.control,
    recordings: recording,
    targets,
    events,
    sources,
    metrics,
    revokeSession: (session) => revokeSession(stateDir, session, wallClock()),
    publishers: publisherStore(stateDir),
    operators: new OperatorTokens({ stateDir, logger: logger.child({ module: 'access' }), wallClock }),
    audit: new AuditLog({ stateDir, wallClock }),
    auditRequired: auditRequired === 'on',
    configuration: () => configuration,
    wallClock,
    hosts: [adminHost, ...adminHosts],
    origins: adminOrigins,
  };
}

/** The version from package.json; the path is the same from src/ and from dist/. */
export function programVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
}
