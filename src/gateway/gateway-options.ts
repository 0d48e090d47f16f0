// The options that a program gives to a gateway, and the addresses that a started gateway returns.

import type { Logger } from 'pino';
import type { Clock } from '../protocols/clock.js';
import type { Authorize } from './program-access.js';
import type { WebUrls } from './web-servers.js';

export interface StartOptions {
  /** If false, there is no HTTP port, and the program mounts `sluiceHttp` in its own Fastify application instead. Default true. */
  readonly http?: boolean;
}

export interface GatewayDependencies {
  /** A pino logger for all records of the gateway. Default: JSON lines on stdout at the level of the option `logLevel`. */
  readonly logger?: Logger;
  /**
   * Decides who may publish, instead of publish key and users. Refusals are then not delayed; this function must itself slow down guessing.
   */
  readonly authorizePublish?: Authorize;
  /** Decides who may watch over RTMP. Default: everyone, or with `playAccess: token` those who have a token. */
  readonly authorizePlay?: Authorize;
  /** Aborts the creation of the gateway at any point. */
  readonly signal?: AbortSignal;
  /** The clock for times and dates of streams. Default: the clock of the machine. */
  readonly clock?: Clock;
}

export interface GatewayUrls extends WebUrls {
  /** `http://127.0.0.1:PORT`, with the actual port: the admin listener, if there is one. */
  readonly admin?: string;
  /** `rtmp://HOST:PORT/live`, with the actual port. */
  readonly rtmp: string;
  /** `rtmps://HOST:PORT/live`, with the actual port, if `rtmpsPort` is set. */
  readonly rtmps?: string;
}

/** The result of `start`: the addresses of the gateway, and what publishers need. */
export interface StartedGateway extends GatewayUrls {
  /** Publishers send it as `NAME?key=KEY`. Null if publishing needs no key. */
  readonly publishKey: string | null;
}
