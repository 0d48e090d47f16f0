// One schema defines types, defaults and documentation of all options, so that these always agree.

import { type Static, Type } from 'typebox';
import { choice, text } from './option-kinds.js';
import { adminOptions } from './options/admin.js';
import { bucketOptions } from './options/bucket.js';
import { ingestOptions } from './options/ingest.js';
import { jwtOptions } from './options/jwt.js';
import { placeOptions } from './options/places.js';
import { publishingOptions } from './options/publishing.js';
import { recordingOptions } from './options/recordings.js';
import { relayOptions } from './options/relay.js';
import { streamOptions } from './options/streams.js';
import { viewerOptions } from './options/viewers.js';
import { watchingOptions } from './options/watching.js';
import { webhookOptions } from './options/webhooks.js';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const ffmpegAndLogOptions = {
  ffmpegPath: Type.Optional(
    text({
      placeholder: 'FILE',
      aliases: ['FFMPEG_PATH'],
      fallback: 'the best FFmpeg found, see `sluice doctor`',
      description: 'The FFmpeg to use. If it does not work, the gateway does not start.',
    }),
  ),
  logLevel: choice(LOG_LEVELS, {
    default: 'info',
    placeholder: 'LEVEL',
    description: 'Lowest severity of the log records that are written.',
  }),
};

/** In the order in which `--help` and docs/configuration.md show them. */
export const configSchema = Type.Object(
  {
    ...placeOptions,
    ...publishingOptions,
    ...watchingOptions,
    ...jwtOptions,
    ...webhookOptions,
    ...streamOptions,
    ...recordingOptions,
    ...bucketOptions,
    ...relayOptions,
    ...ingestOptions,
    ...viewerOptions,
    ...adminOptions,
    ...ffmpegAndLogOptions,
  },
  { additionalProperties: false },
);

/** Groups of options in the documentation; every option belongs to one of them. */
export const SECTIONS = [
  { title: 'Addresses and directories', options: placeOptions },
  { title: 'Who may publish', options: publishingOptions },
  { title: 'Who may watch', options: watchingOptions },
  { title: 'JSON Web Tokens', options: jwtOptions },
  { title: 'Webhooks', options: webhookOptions },
  { title: 'Streams', options: streamOptions },
  { title: 'Recordings', options: recordingOptions },
  { title: 'Bucket', options: bucketOptions },
  { title: 'Sending streams on', options: relayOptions },
  { title: 'RTMP connections', options: ingestOptions },
  { title: 'Viewers', options: viewerOptions },
  { title: 'Operators', options: adminOptions },
  { title: 'The program', options: ffmpegAndLogOptions },
] as const;

/** All options, validated, with defaults filled in; directories are absolute. */
export type Config = Readonly<Static<typeof configSchema>>;
export type ConfigKey = keyof Config;
