// Recordings: their list as JSON, and `/vod/ID/…`, which is their directory on disk. Files are streamed from there with ranges and validators,
// so a viewer costs a buffer and not a segment.

import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fastifyStatic from '@fastify/static';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type {
  NewClip,
  RecordingLibrary,
  RecordingMovie,
  RecordingState,
  StoredRecording,
} from '../../../contracts/recordings.js';
import { SluiceError } from '../../../protocols/errors.js';
import { systemCode } from '../../../protocols/system-error.js';
import { sendCompressed } from '../compressed-reply.js';
import { ticketedRecording } from '../delivery/entry-answer.js';
import type { ViewerGate } from '../delivery/viewer-gate.js';
import { HttpProblem } from '../errors.js';
import { matchesEntityTag, readRange } from '../negotiation.js';
import { installCors } from '../plugins/cors.js';
import { sendGateProblem } from '../plugins/errors.js';
import { installTickets, withTickets } from '../plugins/tickets.js';
import { clipOf, recordingJson, recordingListJson, recordingQuery } from '../recording-json.js';
import {
  MovieQuery,
  NewClipBody,
  RecordingFileParameters,
  RecordingListSchema,
  RecordingParameters,
  RecordingQuery,
  RecordingSchema,
} from '../schemas/recordings.js';
import { ProblemSchema } from '../schemas/streams.js';

export interface RecordingRouteOptions {
  readonly recordings: RecordingLibrary;
  readonly gate: ViewerGate | undefined;
}

/** RFC 9111: names of media are never used twice. */
const IMMUTABLE = 'public, max-age=31536000, immutable';
/** A finished playlist changes only if the recording is removed. */
const FINISHED = 'public, max-age=86400';
const GROWING = 'public, max-age=1';

/** Two times and a title. */
const CLIP_BODY_LIMIT = 4096;

const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';

const CLIP_PATH = /^\/api\/v1\/recordings\/[0-9a-z]{26}\/clips$/;

/** Whether this is the request with which a viewer cuts a clip. */
export function isClipRequest(request: IncomingMessage): boolean {
  return request.method === 'POST' && CLIP_PATH.test(request.url?.split('?', 1)[0] ?? '');
}

/** Registers `/api/v1/recordings`. */
export async function recordingApiRoutes(
  app: FastifyInstance,
  { recordings, gate }: RecordingRouteOptions,
): Promise<void> {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('cache-control', 'no-store');
    done();
  });

  app.get<{ Querystring: Static<typeof RecordingQuery> }>(
    '/api/v1/recordings',
    { schema: { querystring: RecordingQuery, response: { 200: RecordingListSchema } }, exposeHeadRoute: true },
    (request, reply) => sendJson(request, reply, recordingListJson(recordings, recordingQuery(request.query))),
  );

  app.get<{ Params: Static<typeof RecordingParameters> }>(
    '/api/v1/recordings/:id',
    {
      schema: { params: RecordingParameters, response: { 200: RecordingSchema, 404: ProblemSchema } },
      exposeHeadRoute: true,
    },
    async (request, reply) => {
      const shown = recordingJson((await find(recordings, request.params.id)).facts);
      return sendJson(request, reply, { ...shown, ...(recordings.viewersMayClip && { mayClip: true }) });
    },
  );

  if (!recordings.viewersMayClip) return;
  app.post<{ Params: Static<typeof RecordingParameters>; Body: Static<typeof NewClipBody> }>(
    '/api/v1/recordings/:id/clips',
    { schema: { params: RecordingParameters, body: NewClipBody }, bodyLimit: CLIP_BODY_LIMIT },
    async (request, reply) => {
      const { facts } = await find(recordings, request.params.id);
      const pass = await gate?.authorize(request.raw, facts, 'hls', true);
      if (pass?.allowed === false) return sendGateProblem(reply, pass.problem);
      const clip = clipOf(request.body);
      if (clip === undefined) throw new HttpProblem(400, 'http.bad-request', 'a time of the request is malformed');
      return reply.send(recordingJson(await clipFor(recordings, facts.id, clip)));
    },
  );
}

/** Registers `/vod/…`. CORS applies to these routes only. */
export async function recordingRoutes(
  app: FastifyInstance,
  { recordings, gate }: RecordingRouteOptions,
): Promise<void> {
  const routes = app.withTypeProvider<TypeBoxTypeProvider>();
  installCors(app);
  installTickets(app);
  await app.register(fastifyStatic, {
    root: '/',
    serve: false,
    decorateReply: true,
    dotfiles: 'allow',
    cacheControl: false,
  });

  for (const root of withTickets('/vod')) {
    routes.get(
      `${root}/:id/index.m3u8`,
      { schema: { params: RecordingParameters }, exposeHeadRoute: true },
      async (request, reply) => {
        const { facts, directory } = await find(recordings, request.params.id);
        const pass = await gate?.authorize(request.raw, facts, 'hls', true);
        if (pass?.allowed === false) return sendGateProblem(reply, pass.problem);
        const text = await textOf(join(directory, 'index.m3u8'));
        if (text === undefined)
          throw new HttpProblem(404, 'http.recording-not-found', 'the recording has no media yet');
        const ticket = pass?.ticket;
        reply.type(PLAYLIST_TYPE).header('cache-control', ticket === undefined ? lifetimeOf(facts) : 'no-store');
        return sendCompressed(request, reply, ticket === undefined ? text : ticketedRecording(text, ticket, facts.id));
      },
    );

    routes.get(
      `${root}/:id.mp4`,
      { schema: { params: RecordingParameters, querystring: MovieQuery }, exposeHeadRoute: true },
      async (request, reply) => {
        const { id } = request.params;
        const { facts } = await find(recordings, id);
        const pass = await gate?.authorize(request.raw, facts, 'hls', true);
        if (pass?.allowed === false) return sendGateProblem(reply, pass.problem);
        const movie = await movieOf(recordings, id, request.query.rendition);
        const lifetime = pass?.ticket === undefined ? FINISHED : 'private, no-store';
        reply
          .header('cache-control', lifetime)
          .header('content-disposition', `attachment; filename="${fileName(facts)}"`);
        return sendMovie(request, reply, movie, `"${id}-${request.query.rendition ?? ''}-${movie.length}"`);
      },
    );

    routes.get(
      `${root}/:id/:rendition/:file`,
      { schema: { params: RecordingFileParameters }, exposeHeadRoute: true },
      async (request, reply) => {
        const { id, rendition, file } = request.params;
        const { facts, directory } = await find(recordings, id);
        const pass = await gate?.authorize(request.raw, facts, 'hls', false);
        if (pass?.allowed === false) return sendGateProblem(reply, pass.problem);
        const isPlaylist = file.endsWith('.m3u8');
        reply.header('cache-control', isPlaylist ? lifetimeOf(facts) : IMMUTABLE);
        reply.type(isPlaylist ? PLAYLIST_TYPE : rendition === 'audio' ? 'audio/mp4' : 'video/mp4');
        if (!isPlaylist) return reply.sendFile(file, join(directory, rendition), { contentType: false });
        const text = await textOf(join(directory, rendition, file));
        if (text === undefined) throw new HttpProblem(404, 'http.not-found', 'no such address');
        return sendCompressed(request, reply, text);
      },
    );
  }
}

/** One range, or all of it (RFC 9110 section 14). */
function sendMovie(request: FastifyRequest, reply: FastifyReply, movie: RecordingMovie, etag: string): FastifyReply {
  const { headers, method } = request;
  reply.headers({ 'accept-ranges': 'bytes', etag }).type('video/mp4');
  if (matchesEntityTag(headers['if-none-match'], etag)) return reply.code(304).send();
  const isFresh = headers['if-range'] === undefined || headers['if-range'] === etag;
  const range = readRange(isFresh ? headers.range : undefined, movie.length);
  if (range.type === 'unsatisfiable') {
    reply.code(416).headers({ 'content-range': `bytes */${movie.length}`, 'cache-control': 'no-store' });
    return reply.send();
  }
  const { first, last } = range.type === 'slice' ? range : { first: 0, last: movie.length - 1 };
  if (range.type === 'slice') reply.code(206).header('content-range', `bytes ${first}-${last}/${movie.length}`);
  reply.header('content-length', last - first + 1);
  return reply.send(Readable.from(method === 'HEAD' ? [] : movie.read(first, last), { objectMode: false }));
}

function fileName({ name, start }: RecordingState): string {
  return `${name}-${new Date(start).toISOString().slice(0, 19).replaceAll(':', '-')}.mp4`;
}

async function movieOf(
  recordings: RecordingLibrary,
  id: string,
  rendition: string | undefined,
): Promise<RecordingMovie> {
  try {
    return await recordings.movie(id, rendition);
  } catch (error) {
    if (!(error instanceof SluiceError) || !error.code.startsWith('recording.')) throw error;
    if (error.code === 'recording.mp4-limit') throw new HttpProblem(503, 'http.too-many-waiting', error.message);
    throw new HttpProblem(404, 'http.recording-not-found', error.message);
  }
}

async function clipFor(recordings: RecordingLibrary, id: string, clip: NewClip): Promise<RecordingState> {
  try {
    return await recordings.clipForViewer(id, clip);
  } catch (error) {
    if (!(error instanceof SluiceError) || !error.code.startsWith('recording.')) throw error;
    if (error.code === 'recording.no-such-recording') {
      throw new HttpProblem(404, 'http.recording-not-found', error.message);
    }
    if (error.code === 'recording.clip-limit') throw new HttpProblem(429, 'http.clip-refused', error.message);
    throw new HttpProblem(400, 'http.clip-refused', error.message);
  }
}

/** Undefined if there is no such file. */
async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function lifetimeOf({ state }: RecordingState): string {
  return state === 'recording' || state === 'paused' ? GROWING : FINISHED;
}

async function find(recordings: RecordingLibrary, id: string): Promise<StoredRecording> {
  const found = await recordings.seek(id);
  if (found === undefined) throw new HttpProblem(404, 'http.recording-not-found', 'there is no such recording');
  return found;
}

/** Serializes by the schema of the route. */
function sendJson(request: FastifyRequest, reply: FastifyReply, value: object): Promise<FastifyReply> {
  return sendCompressed(request, reply.type('application/json; charset=utf-8'), String(reply.serialize(value)));
}
