// Describes a route in one place: the schema that validates requests and serializes answers is also its part of the OpenAPI document.

import { type TSchema, Type } from 'typebox';
import type { RouteAccess } from './authentication.js';

export interface Operation {
  /** Unique; client generators use it as the name of a function. */
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly access: RouteAccess;
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly body?: TSchema;
  /** The answer. */
  readonly answer: TSchema;
  /** The status of the answer. Default 200. */
  readonly status?: number;
  /** Statuses of errors of this route, in addition to those of every route. */
  readonly errors?: readonly number[];
}

export const ProblemSchema = Type.Object(
  {
    code: Type.String({ description: 'stable, see docs/errors.md' }),
    message: Type.String(),
    details: Type.Optional(Type.Array(Type.String())),
  },
  { $id: 'Problem' },
);

const MEANINGS: Readonly<Record<number, string>> = {
  400: 'A parameter or a field of the body is wrong.',
  401: 'There is no token, or it is not valid.',
  403: 'The role of the token may not do this, or the request came from a page of another web site.',
  404: 'Not found, or no longer there.',
  409: 'This is not possible at the moment; the message says why.',
  413: 'The body is too long.',
  415: 'The body is not JSON.',
  421: 'This listener does not serve this host name.',
  429: 'Too many wrong tokens came from this address.',
  503: 'The audit log or another file cannot be written; nothing has changed.',
};
const OF_ALL: readonly number[] = [400, 421];
const OF_PROTECTED: readonly number[] = [401, 403, 429];
const OF_BODIES: readonly number[] = [413, 415];

/** @returns the options of a Fastify route */
export function operation({
  id,
  tag,
  summary,
  description,
  access,
  params,
  query,
  body,
  answer,
  status = 200,
  errors = [],
}: Operation) {
  const statuses = [
    ...OF_ALL,
    ...(access === 'open' ? [] : OF_PROTECTED),
    ...(body === undefined ? [] : OF_BODIES),
    ...errors,
  ];
  const problems = statuses.map((status) => [status, describedProblem(status)] as const);
  return {
    config: { access },
    schema: {
      operationId: id,
      tags: [tag],
      summary,
      description: [description, access === 'open' ? 'Needs no token.' : `Needs the role ${access}.`]
        .filter((sentence) => sentence !== undefined)
        .join(' '),
      security: access === 'open' ? [] : [{ token: [] }],
      ...(params !== undefined && { params }),
      ...(query !== undefined && { querystring: query }),
      ...(body !== undefined && { body }),
      response: { [status]: answer, ...Object.fromEntries(problems) },
    },
  };
}

/** The schema is in the document once and is referenced here. */
function describedProblem(status: number): object {
  const schema = { $ref: 'Problem#' };
  return {
    description: MEANINGS[status] ?? 'Another error.',
    content: { 'application/json': { schema } },
  };
}
