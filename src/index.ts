// The public API: a gateway to start in your own program, and its HTTP side as a Fastify plugin for your own application.
export { createPlayToken, type PlayClaims } from './access/tickets/play-token.js';
export { SigningKeys } from './access/tickets/signing-keys.js';
export { type ConfigSources, loadConfig } from './config/load-config.js';
export type { ProgramOptions } from './config/program-options.js';
export type { Config } from './config/schema.js';
export type {
  Ban,
  Grant,
  GrantAction,
  GrantControl,
  GrantHolder,
  GrantOptions,
  GrantProtocol,
  ProofKind,
} from './contracts/grant.js';
export type { EventListener } from './events/event-bus.js';
export type { EventReason, GatewayEvent, GatewayEventType } from './events/gateway-event.js';
export {
  type AccessRequest,
  type AccessVerdict,
  type Authorize,
  createGateway,
  Gateway,
  type GatewayDependencies,
  type GatewayUrls,
  type StartedGateway,
  type StartOptions,
} from './gateway.js';
export { type ErrorKind, SluiceError } from './protocols/errors.js';
export type { AdminDependencies } from './servers/admin/dependencies.js';
export { sluiceAdmin } from './servers/admin/plugin.js';
export type {
  HlsOrigin,
  HttpDependencies,
  OriginAnswer,
  StreamDirectory,
  StreamState,
} from './servers/http/dependencies.js';
export { sluiceHttp } from './servers/http/plugin.js';
