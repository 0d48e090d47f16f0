// Route for timed events: sends one into a stream. Players get it with the picture to which it belongs.

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { JsonValue } from '../../../contracts/timed-event.js';
import { SluiceError } from '../../../protocols/errors.js';
import type { AdminDependencies } from '../dependencies.js';
import { AdminProblem } from '../errors.js';
import { operation } from '../operation.js';
import { StreamParameters } from '../schemas.js';

const NewEventBody = Type.Object(
  {
    name: Type.String({ pattern: '^[A-Za-z_][\\w.-]{0,63}$', description: 'the name of the event for receivers' }),
    values: Type.Unknown({ description: 'any JSON; with the name at most 4096 bytes' }),
    at: Type.Optional(
      Type.String({
        pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d:\\d\\d)$',
        description:
          'the EXT-X-PROGRAM-DATE-TIME of the picture, ISO 8601; at most one target duration ago and one hour ahead. Default: the newest picture',
      }),
    ),
  },
  { additionalProperties: false },
);

const EventSchema = Type.Object(
  {
    seq: Type.Integer({ description: 'increases from event to event of a stream' }),
    name: Type.String(),
    mediaTime: Type.Number({ description: 'seconds on the timeline of the media' }),
    date: Type.String({ description: 'the same moment as a date, ISO 8601' }),
  },
  { title: 'TimedEvent' },
);

/** Status of the answer to each error that the sender caused. */
const STATUS: Readonly<Record<string, number>> = {
  'data.no-such-stream': 404,
  'data.event-time': 409,
  'data.event-size': 413,
  'data.event-rate': 429,
};

export async function eventRoutes(
  plain: FastifyInstance,
  { events }: Pick<AdminDependencies, 'events'>,
): Promise<void> {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>();

  app.post(
    '/api/v1/streams/:app/:name/events',
    operation({
      id: 'sendEvent',
      tag: 'Streams',
      summary: 'Sends a timed event into a live stream',
      description:
        'Players get it with the next part of every rendition, and readers of the events of the stream get it at once. At most 20 per second, in bursts of 40. Not written to the audit log.',
      access: 'operator',
      params: StreamParameters,
      body: NewEventBody,
      answer: EventSchema,
      status: 202,
      errors: [404, 409],
    }),
    (request, reply) => {
      const { app: application, name } = request.params as Static<typeof StreamParameters>;
      const { name: event, values, at } = request.body as Static<typeof NewEventBody>;
      try {
        const sent = events.send(application, name, {
          name: event,
          values: values as JsonValue,
          ...(at !== undefined && { at: Date.parse(at) }),
        });
        return reply.code(202 as never).send({ ...sent, date: new Date(sent.date).toISOString() } as never);
      } catch (error) {
        const status = error instanceof SluiceError ? STATUS[error.code] : undefined;
        if (status === undefined || !(error instanceof SluiceError)) throw error;
        if (status === 429) reply.header('retry-after', 1);
        throw new AdminProblem(status, error.code, error.message);
      }
    },
  );
}
