// The JSON API: the state of the streams, for the live list and for dashboards.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type { RecordingLibrary } from '../../../contracts/recordings.js';
import { sendCompressed } from '../compressed-reply.js';
import type { Viewers } from '../delivery/viewers.js';
import type { PublishProof, StreamDirectory, StreamState } from '../dependencies.js';
import { HttpProblem } from '../errors.js';
import { setCorsHeaders } from '../plugins/cors.js';
import { StreamParameters } from '../schemas/names.js';
import { ProblemSchema, StreamListSchema, StreamSchema } from '../schemas/streams.js';

export interface ApiRouteOptions {
  readonly streams: StreamDirectory;
  readonly viewers: Viewers;
  readonly rtmpPort: () => number | undefined;
  readonly publishApp: string;
  readonly publishProof: PublishProof;
  readonly thumbnails: boolean;
  /** Whether viewers need a token. */
  readonly isProtected: boolean;
  /** Undefined if nothing can be recorded. */
  readonly recordings: Pick<RecordingLibrary, 'of'> | undefined;
}

export async function apiRoutes(app: FastifyInstance, options: ApiRouteOptions): Promise<void> {
  const withOurs = (
    stream: StreamState,
  ): StreamState & { readonly thumbnail?: boolean; readonly protected?: boolean; readonly recording?: string } => ({
    ...stream,
    ...recordingOf(stream),
    ...(options.thumbnails && stream.source?.video !== undefined && { thumbnail: true }),
    ...(options.isProtected && { protected: true }),
    viewers: (stream.viewers ?? 0) + options.viewers.count(stream.app, stream.name),
  });

  /** The recording of the stream from which it can be watched from its beginning. */
  function recordingOf({ app: application, name }: StreamState): { readonly recording?: string } {
    const recording = options.recordings?.of(application, name);
    return recording === undefined || recording.duration === 0 ? {} : { recording: recording.id };
  }

  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('cache-control', 'no-store');
    done();
  });

  app.get(
    '/api/v1/streams',
    { schema: { response: { 200: StreamListSchema } }, exposeHeadRoute: true },
    (request, reply) => {
      const rtmpPort = options.rtmpPort();
      const { publishApp, publishProof: proof } = options;
      const publish = { app: publishApp, proof, ...(rtmpPort === undefined ? {} : { rtmpPort }) };
      return sendJson(request, reply, { streams: options.streams.list().map(withOurs), publish });
    },
  );

  app.get<{ Params: Static<typeof StreamParameters> }>(
    '/api/v1/streams/:app/:name',
    {
      schema: { params: StreamParameters, response: { 200: StreamSchema, 404: ProblemSchema } },
      exposeHeadRoute: true,
    },
    (request, reply) => {
      // Any site may read the state of a stream whose name it knows; a sandboxed embed page has no origin of its own. The list reveals
      // names, so it has no CORS headers.
      setCorsHeaders(reply);
      const { app: application, name } = request.params;
      const stream = options.streams.get(application, name);
      if (stream === undefined) throw new HttpProblem(404, 'http.stream-not-found', 'no such stream');
      return sendJson(request, reply, withOurs(stream));
    },
  );
}

/** Serializes by the schema of the route, and compresses long answers: a list of 100 streams has 44 kB. */
function sendJson(request: FastifyRequest, reply: FastifyReply, value: object): Promise<FastifyReply> {
  const text = String(reply.serialize(value));
  return sendCompressed(request, reply.type('application/json; charset=utf-8'), text);
}
