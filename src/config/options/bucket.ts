// An S3-compatible bucket to which recordings and live streams are copied.

import { Type } from 'typebox';
import { choice, seconds, text } from '../option-kinds.js';

export const bucketOptions = {
  s3Bucket: Type.Optional(
    text({
      pattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$',
      placeholder: 'BUCKET',
      expected: 'the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens',
      fallback: 'off',
      description:
        'Bucket of an S3-compatible store to which recordings, live streams or both are copied during recording and streaming (docs/bucket.md). Recordings removed here are also removed there.',
    }),
  ),
  s3Upload: choice(['recordings', 'live', 'both'], {
    default: 'recordings',
    description:
      'What goes to the bucket: recordings, which stay there, or the playlists and segments of live streams, which are removed as they leave the playlist.',
  }),
  s3MaxLag: seconds(5, 600, {
    default: 30,
    description:
      'Live segments that the bucket has not taken after this time are left out and listed there as gaps. Recordings wait on disk instead.',
  }),
  s3Endpoint: Type.Optional(
    text({
      placeholder: 'URL',
      fallback: 'that of AWS in `s3Region`',
      description: 'Address of the store, without the bucket: `https://s3.eu-central-003.backblazeb2.com`.',
    }),
  ),
  s3Region: text({
    default: 'us-east-1',
    pattern: '^[0-9A-Za-z-]{1,64}$',
    placeholder: 'REGION',
    expected: 'the name of a region, or auto',
    description: 'Region of the bucket, which is part of the signature of requests. `auto` for Cloudflare R2.',
  }),
  s3Prefix: Type.Optional(
    text({
      pattern: '^[0-9A-Za-z_.-]{1,100}(/[0-9A-Za-z_.-]{1,100}){0,7}$',
      placeholder: 'PREFIX',
      expected: 'letters, digits, _, . and -, in up to 8 parts with / between them',
      description: 'Prefix of all keys in the bucket. Gateways that share a bucket need different prefixes.',
    }),
  ),
  s3PathStyle: choice(['auto', 'on', 'off'], {
    default: 'auto',
    description:
      'Whether the bucket is the first part of the path (`on`) or of the host name (`off`). `auto`: of the path if `s3Endpoint` is set.',
  }),
  s3AccessKey: Type.Optional(
    text({
      placeholder: 'KEY',
      aliases: ['AWS_ACCESS_KEY_ID'],
      secret: true,
      noFlag: true,
      description: 'Id of the access key of the store.',
    }),
  ),
  s3SecretKey: Type.Optional(
    text({
      placeholder: 'SECRET',
      aliases: ['AWS_SECRET_ACCESS_KEY'],
      secret: true,
      noFlag: true,
      description:
        'Its secret. Like all keys of the store it is read from the file or the environment only, because other users of the machine may see flags.',
    }),
  ),
  s3SessionToken: Type.Optional(
    text({
      placeholder: 'TOKEN',
      aliases: ['AWS_SESSION_TOKEN'],
      secret: true,
      noFlag: true,
      description: 'Session token of temporary keys. They are not renewed: restart the gateway with new ones.',
    }),
  ),
  s3Ca: Type.Optional(
    text({
      placeholder: 'FILE',
      fallback: 'the authorities of Node',
      description:
        'File with the PEM certificates of the authorities to trust, for an `s3Endpoint` with a private certificate.',
    }),
  ),
};
