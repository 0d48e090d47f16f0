// The JSON state of the streams, for the live list and for other people's dashboards.

import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import type { Viewers } from '../delivery/viewers.js';
import type { StreamDirectory, StreamState } from '../dependencies.js';
import { HttpProblem } from '../errors.js';
import { StreamParameters } from '../schemas/names.js';
import { ProblemSchema, StreamListSchema, StreamSchema } from '../schemas/streams.js';

export interface ApiRouteOptions {
  readonly streams: StreamDirectory;
  readonly viewers: Viewers;
  readonly rtmpPort: () => number | undefined;
  readonly publishApp: string;
  readonly thumbnails: boolean;
}

export async function apiRoutes(app: FastifyInstance, options: ApiRouteOptions): Promise<void> {
  const withOurs = (stream: StreamState): StreamState & { readonly thumbnail?: boolean } => ({
    ...stream,
    ...(options.thumbnails && stream.source?.video !== undefined && { thumbnail: true }),
    viewers: (stream.viewers ?? 0) + options.viewers.count(stream.app, stream.name),
  });

  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('cache-control', 'no-store');
    done();
  });

  app.get(
    '/api/v1/streams',
    { schema: { response: { 200: StreamListSchema } }, exposeHeadRoute: true },
    (_request, reply) => {
      const rtmpPort = options.rtmpPort();
      const publish = { app: options.publishApp, ...(rtmpPort === undefined ? {} : { rtmpPort }) };
      return reply.send({ streams: options.streams.list().map(withOurs), publish });
    },
  );

  app.get<{ Params: Static<typeof StreamParameters> }>(
    '/api/v1/streams/:app/:name',
    {
      schema: { params: StreamParameters, response: { 200: StreamSchema, 404: ProblemSchema } },
      exposeHeadRoute: true,
    },
    (request, reply) => {
      const { app: application, name } = request.params;
      const stream = options.streams.get(application, name);
      if (stream === undefined) throw new HttpProblem(404, 'http.stream-not-found', 'no such stream');
      return reply.send(withOurs(stream));
    },
  );
}
