// Routes for recordings: list, start, stop, name, pin and remove them.

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { NewClip } from '../../../contracts/recordings.js';
import { SluiceError } from '../../../protocols/errors.js';
import { clipOf, recordingJson, recordingListJson, recordingQuery } from '../../http/recording-json.js';
import {
  BucketSchema,
  NewClipBody,
  RecordingListSchema,
  RecordingParameters,
  RecordingQuery,
  RecordingSchema,
  TitleSchema,
} from '../../http/schemas/recordings.js';
import type { AuditedChanges } from '../audited-changes.js';
import type { AdminDependencies } from '../dependencies.js';
import { AdminProblem } from '../errors.js';
import { operation } from '../operation.js';
import { StreamParameters } from '../schemas.js';

export interface RecordingRouteOptions extends Pick<AdminDependencies, 'recordings'> {
  readonly changes: AuditedChanges;
}

const TAG = 'Recordings';

const NewRecordingBody = Type.Object(
  {
    renditions: Type.Optional(
      Type.String({
        pattern: '^(all|[a-z0-9]{1,20}(,[a-z0-9]{1,20}){0,7})$',
        description:
          '`all`, or names such as `source,720p`; default: the renditions of the option `record`, otherwise `source`',
      }),
    ),
    title: Type.Optional(TitleSchema),
  },
  { additionalProperties: false },
);

const ChangeBody = Type.Object(
  {
    title: Type.Optional(TitleSchema),
    pinned: Type.Optional(Type.Boolean({ description: 'retention never removes it' })),
  },
  { additionalProperties: false, minProperties: 1 },
);

export async function recordingRoutes(
  plain: FastifyInstance,
  { recordings, changes }: RecordingRouteOptions,
): Promise<void> {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>();

  app.get(
    '/api/v1/recordings',
    operation({
      id: 'listRecordings',
      tag: TAG,
      summary: 'Recordings, the newest first',
      access: 'viewer',
      query: RecordingQuery,
      answer: RecordingListSchema,
    }),
    (request, reply) => {
      const query = recordingQuery(request.query as Static<typeof RecordingQuery>);
      return reply.send(recordingListJson(recordings, query) as never);
    },
  );

  app.get(
    '/api/v1/recordings/:id',
    operation({
      id: 'getRecording',
      tag: TAG,
      summary: 'One recording',
      access: 'viewer',
      params: RecordingParameters,
      answer: RecordingSchema,
      errors: [404],
    }),
    async (request, reply) => {
      const found = await recordings.seek((request.params as Static<typeof RecordingParameters>).id);
      if (found === undefined) throw new AdminProblem(404, 'admin.not-found', 'no such recording');
      const upload = recordings.uploadOf(found.facts.id);
      const shown = { ...recordingJson(found.facts), ...(upload !== undefined && { bucket: upload }) };
      return reply.send(shown as never);
    },
  );

  app.get(
    '/api/v1/bucket',
    operation({
      id: 'getBucket',
      tag: TAG,
      summary: 'How the copy of recordings in a bucket goes',
      access: 'viewer',
      answer: BucketSchema,
      errors: [404],
    }),
    (_request, reply) => {
      const bucket = recordings.bucket();
      if (bucket === undefined) throw new AdminProblem(404, 'admin.not-found', 'there is no bucket');
      const { reason, ...figures } = bucket;
      const state = reason === undefined ? { state: 'ok' } : { state: 'failed', reason };
      return reply.send({ ...state, ...figures } as never);
    },
  );

  app.post(
    '/api/v1/streams/:app/:name/recording',
    operation({
      id: 'startRecording',
      tag: TAG,
      summary: 'Starts recording a live stream at its next segment',
      description: 'If the stream is already being recorded, answers with that recording.',
      access: 'operator',
      params: StreamParameters,
      body: NewRecordingBody,
      answer: RecordingSchema,
      errors: [404, 503],
    }),
    (request) => {
      const { app: application, name } = request.params as Static<typeof StreamParameters>;
      const how = request.body as Static<typeof NewRecordingBody>;
      return known(() =>
        changes.make(request, { action: 'recording.start', target: `${application}/${name}`, after: { ...how } }, () =>
          recordingJson(recordings.start(application, name, how)),
        ),
      );
    },
  );

  app.delete(
    '/api/v1/streams/:app/:name/recording',
    operation({
      id: 'stopRecording',
      tag: TAG,
      summary: 'Stops recording a live stream after the current segment',
      access: 'operator',
      params: StreamParameters,
      answer: RecordingSchema,
      errors: [404, 503],
    }),
    (request) => {
      const { app: application, name } = request.params as Static<typeof StreamParameters>;
      return known(() =>
        changes.make(request, { action: 'recording.stop', target: `${application}/${name}` }, () => {
          const stopped = recordings.stop(application, name);
          if (stopped === undefined)
            throw new AdminProblem(404, 'admin.not-found', 'that stream is not being recorded');
          return recordingJson(stopped);
        }),
      );
    },
  );

  const clipAnswer = {
    tag: TAG,
    description:
      'Nothing is encoded or copied: the clip has the same segments, and stays when its source is removed. `start` is the key frame with which it begins; its MP4 and its playlist are shown from `clip.from` on.',
    access: 'operator',
    body: NewClipBody,
    answer: RecordingSchema,
    errors: [404, 409, 503],
  } as const;

  app.post(
    '/api/v1/recordings/:id/clips',
    operation({
      ...clipAnswer,
      id: 'clipRecording',
      summary: 'Cuts a clip out of a recording',
      params: RecordingParameters,
    }),
    (request) => {
      const { id } = request.params as Static<typeof RecordingParameters>;
      const body = request.body as Static<typeof NewClipBody>;
      const clip = clipIn(body);
      return known(() =>
        changes.make(request, { action: 'recording.clip', target: id, after: { ...body } }, async () =>
          recordingJson(await recordings.clip(id, clip)),
        ),
      );
    },
  );

  app.post(
    '/api/v1/streams/:app/:name/clips',
    operation({
      ...clipAnswer,
      id: 'clipStream',
      summary: 'Cuts a clip out of what a live stream still has, such as its last 30 seconds',
      params: StreamParameters,
    }),
    (request) => {
      const { app: application, name } = request.params as Static<typeof StreamParameters>;
      const body = request.body as Static<typeof NewClipBody>;
      const clip = clipIn(body);
      return known(() =>
        changes.make(
          request,
          { action: 'recording.clip', target: `${application}/${name}`, after: { ...body } },
          async () => recordingJson(await recordings.clipStream(application, name, clip)),
        ),
      );
    },
  );

  app.patch(
    '/api/v1/recordings/:id',
    operation({
      id: 'changeRecording',
      tag: TAG,
      summary: 'Names a recording, or pins it so that retention never removes it',
      access: 'operator',
      params: RecordingParameters,
      body: ChangeBody,
      answer: RecordingSchema,
      errors: [404, 503],
    }),
    (request) => {
      const { id } = request.params as Static<typeof RecordingParameters>;
      const change = request.body as Static<typeof ChangeBody>;
      return known(() =>
        changes.make(request, { action: 'recording.change', target: id, after: { ...change } }, async () =>
          recordingJson(await recordings.change(id, change)),
        ),
      );
    },
  );

  app.delete(
    '/api/v1/recordings/:id',
    operation({
      id: 'removeRecording',
      tag: TAG,
      summary: 'Removes a finished recording and its files',
      access: 'operator',
      params: RecordingParameters,
      answer: Type.Object({ removed: Type.Literal(true) }),
      errors: [404, 409, 503],
    }),
    (request) => {
      const { id } = request.params as Static<typeof RecordingParameters>;
      return known(() =>
        changes.make(request, { action: 'recording.remove', target: id }, async () => {
          await recordings.remove(id);
          return { removed: true as const };
        }),
      );
    },
  );
}

function clipIn(body: Static<typeof NewClipBody>): NewClip {
  const clip = clipOf(body);
  if (clip === undefined) throw new AdminProblem(400, 'admin.bad-request', 'from or to is not a date that exists');
  return clip;
}

/** Turns errors that the operator caused into answers with their own status; other errors stay internal errors. */
async function known<T>(make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof SluiceError) || !error.code.startsWith('recording.')) throw error;
    if (error.code === 'recording.clip') throw new AdminProblem(400, 'admin.bad-request', error.message);
    if (error.code === 'recording.being-made' || error.code === 'recording.clip-limit')
      throw new AdminProblem(409, 'admin.conflict', error.message);
    throw new AdminProblem(404, 'admin.not-found', error.message);
  }
}
