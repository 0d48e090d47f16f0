// A grant is what the access policy has allowed: who may do what, until when, and with which options. Limits, kicks, bans, audit and events know
// grants only, whichever way somebody proved who they are.

import type { SluiceError } from '../protocols/errors.js';
import type { EpochMilliseconds, Milliseconds } from '../protocols/units.js';

export type GrantAction = 'publish' | 'play';
export type GrantProtocol = 'rtmp' | 'hls' | 'dash' | 'thumbnail';

/** How somebody proved to be allowed. `open`: no proof is needed. `program`: the embedding program decided. */
export type ProofKind = 'open' | 'key' | 'user' | 'token' | 'jwt' | 'webhook' | 'program';

/** Who holds a grant. */
export interface GrantHolder {
  readonly proof: ProofKind;
  /**
   * The id of a key, the name of a user, the session of a token, the subject of a JWT. Never a secret. Undefined if nothing tells this holder
   * from others: publishing is open, or the one publish key of the configuration was used.
   */
  readonly id?: string | undefined;
}

/** Settings for one stream or viewer, as the webhook, the JWT or the key has them. Undefined: as configured. */
export interface GrantOptions {
  /** Shown on pages and in the API. */
  readonly title?: string | undefined;
  /** Names of renditions; those that the machine does not allow are left out. */
  readonly ladder?: readonly string[] | undefined;
  readonly record?: boolean | undefined;
  readonly maxViewers?: number | undefined;
  readonly publishConflict?: 'reject' | 'override' | undefined;
  /** Highest picture for this viewer, in lines. */
  readonly maxHeight?: number | undefined;
}

export interface Grant {
  /** Random; not a secret. */
  readonly id: string;
  readonly action: GrantAction;
  readonly protocol: GrantProtocol;
  readonly app: string;
  /** The public name. */
  readonly name: string;
  readonly holder: GrantHolder;
  /** IP address; undefined for a viewer behind a proxy that does not name its client. */
  readonly remoteAddress: string | undefined;
  readonly since: EpochMilliseconds;
  /** Undefined: until its holder leaves. */
  readonly until?: EpochMilliseconds | undefined;
  readonly options: GrantOptions;
}

/** How a grant was used, told when it is over. */
export interface GrantUse {
  readonly bytes?: number | undefined;
  /** Why it ended; undefined if its holder left. */
  readonly reason?: SluiceError | undefined;
  /** Its holder has an earlier grant for the same, which goes on. */
  readonly isUnused?: true;
}

/** A grant in the hands of the server that asked for it. */
export interface Permit {
  readonly grant: Grant;
  /** From now on the grant counts and is listed. @param end called at most once, if the grant is ended before its holder leaves. Must not throw. */
  begin(end: (reason: SluiceError) => void): void;
  /** Call it once, also if `begin` was never called. Further calls do nothing. */
  close(use?: GrantUse): void;
}

/** Keeps a party out for some time. It has an address or a holder, or both: then each of them is kept out. */
export interface Ban {
  readonly id: string;
  /** Undefined: neither publishing nor watching. */
  readonly action?: GrantAction | undefined;
  /** IP address; stands for its /64 with IPv6. */
  readonly address?: string | undefined;
  readonly holder?: GrantHolder | undefined;
  readonly until: EpochMilliseconds;
  /** For operators; the party does not learn it. */
  readonly reason: string;
}

/** What operators can do with grants. */
export interface GrantControl {
  /** Running grants, oldest first: publishers, RTMP players, and viewers over HTTP with a ticket. Viewers of open streams have none. */
  listGrants(): readonly Grant[];
  /** One of them. */
  grant(id: string): Grant | undefined;
  /**
   * Ends a running grant within a second. A viewer over HTTP is refused until its token ends. A publisher may come back at once, unless it is
   * banned: most encoders do within seconds.
   * @param reason what the peer is told, up to 120 characters
   * @param banFor how long its holder, or its address if nothing else tells it from others, is kept out
   * @returns false if there is no such grant
   */
  end(id: string, reason: string, banFor?: Milliseconds): boolean;
  ban(ban: Omit<Ban, 'id'>): Ban;
  /** Those in force. */
  listBans(): readonly Ban[];
  /** @returns false if there is no such ban */
  liftBan(id: string): boolean;
}
