// Opens the configured bucket. Without one, no bucket code is loaded.

import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Config } from '../config/schema.js';
import type { Clock } from '../protocols/clock.js';
import { systemReason } from '../protocols/system-error.js';
import { secondsToMilliseconds } from '../protocols/units.js';
import type { RecordingBucket } from '../recording/bucket/recording-bucket.js';
import { recordingError } from '../recording/errors.js';

export interface BucketOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** @throws {SluiceError} `recording.bucket` if `s3Ca` cannot be read */
export async function openBucket({ config, logger, clock }: BucketOptions): Promise<RecordingBucket | undefined> {
  const { s3Bucket, s3Endpoint, s3Region, s3Prefix, s3PathStyle, s3AccessKey, s3SecretKey, s3SessionToken } = config;
  const { s3Upload, s3MaxLag, windowSegments, resumeWindow } = config;
  // The configuration requires keys if there is a bucket.
  if (s3Bucket === undefined || s3AccessKey === undefined || s3SecretKey === undefined) return undefined;
  const { RecordingBucket } = await import('../recording/bucket/recording-bucket.js');
  return new RecordingBucket({
    place: {
      endpoint: s3Endpoint ?? `https://s3.${s3Region}.amazonaws.com`,
      bucket: s3Bucket,
      prefix: s3Prefix ?? '',
      region: s3Region,
      pathStyle: s3PathStyle === 'auto' ? s3Endpoint !== undefined : s3PathStyle === 'on',
    },
    keys: { accessKeyId: s3AccessKey, secretAccessKey: s3SecretKey, sessionToken: s3SessionToken },
    uploads: s3Upload,
    live: {
      maxLag: secondsToMilliseconds(s3MaxLag),
      windowSegments,
      resumeWindow: secondsToMilliseconds(resumeWindow),
    },
    ca: await readAuthorities(config),
    root: config.recordDir,
    clock,
    logger: logger.child({ module: 'bucket' }),
  });
}

async function readAuthorities({ s3Ca }: Config): Promise<string | undefined> {
  if (s3Ca === undefined) return undefined;
  try {
    return await readFile(s3Ca, 'utf8');
  } catch (error) {
    throw recordingError('recording.bucket', `cannot read s3Ca ${s3Ca} (${systemReason(error)})`, { cause: error });
  }
}
