// Operators manage the gateway: their roles, and how the API and the audit log name them.

/**
 * In ascending order: `viewer` reads, `operator` also ends publishers and viewers, `admin` also decides who may publish, watch and manage.
 */
export const OPERATOR_ROLES = ['viewer', 'operator', 'admin'] as const;

export type OperatorRole = (typeof OPERATOR_ROLES)[number];

/** The sender of a request with a valid token. */
export interface Operator {
  /** Id of the token, not secret. */
  readonly id: string;
  readonly role: OperatorRole;
  /** The purpose of the token, as entered by the person who made it. */
  readonly name: string;
}
