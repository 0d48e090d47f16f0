// A grant is what the access policy has allowed: who may do what, until when, and with which options. Limits, kicks, bans, audit and events
// use only grants, however the holder was authenticated.

import type { SluiceError } from '../protocols/errors.js';
import type { EpochMilliseconds, Milliseconds } from '../protocols/units.js';

export type GrantAction = 'publish' | 'play';
export type GrantProtocol = 'rtmp' | 'hls' | 'dash' | 'thumbnail';

export const PROOF_KINDS = ['open', 'key', 'user', 'token', 'jwt', 'webhook', 'program'] as const;

/** How the holder proved its rights. `open`: no proof is needed. `program`: the embedding program decided. */
export type ProofKind = (typeof PROOF_KINDS)[number];

/** Who holds a grant. */
export interface GrantHolder {
  readonly proof: ProofKind;
  /**
   * The id of a key, the name of a user, the session of a token, or the subject of a JWT. Never a secret. Undefined if nothing
   * distinguishes this holder from others: publishing is open, or the single publish key of the configuration was used.
   */
  readonly id?: string | undefined;
}

/** Settings for one stream or viewer, from the webhook or the JWT. Undefined: as configured. */
export interface GrantOptions {
  /** Shown on pages and in the API. */
  readonly title?: string | undefined;
  /** Names of renditions, each of the configured ladder; `audio` is always among the possible ones. */
  readonly ladder?: readonly string[] | undefined;
  readonly record?: boolean | undefined;
  /** Of a publisher: how many may watch its stream at a time. Of a viewer: how many with the same holder may watch one stream at a time. */
  readonly maxViewers?: number | undefined;
  /** Which publisher wins if another one already has the name. */
  readonly publishConflict?: 'reject' | 'override' | undefined;
  /** Maximum height of the picture for this viewer, in lines. */
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
  /** The session of a viewer's token or JWT, which tickets name, and by which an operator can end all its grants. Not a secret. */
  readonly session?: string | undefined;
  /** IP address; undefined for a viewer behind a proxy that does not name its client. */
  readonly remoteAddress: string | undefined;
  readonly since: EpochMilliseconds;
  /** Undefined: no time limit. */
  readonly until?: EpochMilliseconds | undefined;
  readonly options: GrantOptions;
}

/** How a grant was used; reported when it has ended. */
export interface GrantUse {
  readonly bytes?: number | undefined;
  /** Why it ended; undefined if its holder left. */
  readonly reason?: SluiceError | undefined;
  /** Its holder has an earlier grant for the same, which goes on. */
  readonly isUnused?: true;
}

/** The view of a grant for the server that asked for it. */
export interface Permit {
  readonly grant: Grant;
  /**
   * Call when the use begins: from then on the grant counts and is listed.
   * @param end called at most once, if the grant is ended before its holder leaves. Must not throw.
   */
  begin(end: (reason: SluiceError) => void): void;
  /** Call once, even if `begin` was never called. Further calls do nothing. */
  close(use?: GrantUse): void;
}

/** Refuses a party for some time. If both an address and a holder are given, each of them is refused. */
export interface Ban {
  readonly id: string;
  /** Undefined: both publishing and watching. */
  readonly action?: GrantAction | undefined;
  /** IP address; an IPv6 address means its /64. */
  readonly address?: string | undefined;
  readonly holder?: GrantHolder | undefined;
  readonly until: EpochMilliseconds;
  /** For operators; the party is not told. */
  readonly reason: string;
}

/** What operators can do with grants. */
export interface GrantControl {
  /** Grants in use, oldest first: publishers, RTMP players, and viewers over HTTP with a ticket. Viewers of open streams have no grants. */
  listGrants(): readonly Grant[];
  /** One of them. */
  grant(id: string): Grant | undefined;
  /**
   * Ends a running grant within a second. A viewer with a session is refused until its token ends. Others may come back at once, unless they
   * are banned: most encoders do within seconds.
   * @param reason what the peer is told, up to 120 characters
   * @param banFor how long its holder, or its address if nothing else tells it from others, is kept out
   * @returns false if there is no such grant
   */
  end(id: string, reason: string, banFor?: Milliseconds): boolean;
  /**
   * @param ban an `until` of Infinity bans forever
   * @throws {RangeError} if it names neither an IP address nor a holder with an id, if `until` is not a number, or if its texts are too long
   */
  ban(ban: Omit<Ban, 'id'>): Ban;
  /** The bans in force. */
  listBans(): readonly Ban[];
  /** @returns false if there is no such ban */
  liftBan(id: string): boolean;
}
