// Who manages the gateway: what an operator may do, and how one is named in the API and the audit log.

/** From least to most: `viewer` reads, `operator` also ends publishers and viewers, `admin` also decides who may publish, watch and manage. */
export const OPERATOR_ROLES = ['viewer', 'operator', 'admin'] as const;

export type OperatorRole = (typeof OPERATOR_ROLES)[number];

/** Whoever sent a request with a valid token. */
export interface Operator {
  /** Id of the token, not secret. */
  readonly id: string;
  readonly role: OperatorRole;
  /** What the token is for, as whoever made it wrote. */
  readonly name: string;
}
