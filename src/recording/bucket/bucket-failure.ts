// What can go wrong between us and a bucket, by what is to be done about it, in words for the operator.

import type { IncomingHttpHeaders } from 'node:http';
import { systemReason } from '../../protocols/system-error.js';
import type { EpochMilliseconds } from '../../protocols/units.js';
import { readXmlText } from './bucket-answers.js';

/**
 * - `passing`: the server or the line has a problem; try again soon.
 * - `refused`: somebody has to change something: a key, a right, the clock, a name. Try again later.
 * - `condition`: the object is not as the request said (412).
 * - `unsupported`: this server does not know what was asked for (501).
 */
export type BucketFailureKind = 'passing' | 'refused' | 'condition' | 'unsupported';

export class BucketFailure extends Error {
  override readonly name = 'BucketFailure';
  readonly kind: BucketFailureKind;
  /** Milliseconds that the server asked us to wait. */
  readonly retryAfter: number;

  constructor(kind: BucketFailureKind, message: string, options: ErrorOptions & { readonly retryAfter?: number } = {}) {
    super(message, options);
    this.kind = kind;
    this.retryAfter = options.retryAfter ?? 0;
  }
}

/** What the operator has to do, by the error code of S3. */
const WORDS: Readonly<Record<string, string>> = {
  AccessDenied:
    'the keys lack a permission: they need s3:PutObject, s3:GetObject, s3:DeleteObject and s3:ListBucket on this bucket',
  AllAccessDisabled: 'the account of the bucket is closed',
  ExpiredToken: 'the temporary keys have expired',
  InvalidAccessKeyId: 'the store does not know s3AccessKey',
  InvalidBucketName: 's3Bucket is not a possible name',
  InvalidToken: 'the store does not accept the session token',
  NoSuchBucket: 'there is no such bucket',
  AuthorizationHeaderMalformed: 's3Region is not the region of the bucket',
  PermanentRedirect: 's3Endpoint or s3Region is not that of the bucket',
  QuotaExceeded: 'the quota of the bucket is used up',
  SignatureDoesNotMatch: 's3SecretKey does not belong to s3AccessKey',
};

/** Codes that come with a status of 400 or 409 and pass by themselves. */
const PASSING_CODES = new Set(['ConditionalRequestConflict', 'OperationAborted', 'RequestTimeout', 'SlowDown']);

/** Longest text of the store that is shown. */
const MAX_TEXT = 200;

export interface StoreAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export function failureOfAnswer({ status, headers, body }: StoreAnswer, now: EpochMilliseconds): BucketFailure {
  const text = body.toString('utf8');
  const code = readXmlText(text, 'Code') ?? '';
  const told = `${status}${code === '' ? '' : ` ${code}`}`;
  if (status === 412) return new BucketFailure('condition', `the object is not as expected (${told})`);
  if (status === 501) return new BucketFailure('unsupported', `the store does not support this request (${told})`);
  if (status >= 500 || status === 429 || status === 408 || PASSING_CODES.has(code)) {
    const seconds = Number(headers['retry-after']);
    const retryAfter = Number.isFinite(seconds) ? seconds * 1000 : 0;
    return new BucketFailure('passing', `the store has a problem (${told})`, { retryAfter });
  }
  if (code === 'RequestTimeTooSkewed') {
    return new BucketFailure('refused', `${skewWords(headers, now)} (${told})`);
  }
  const region = headers['x-amz-bucket-region'];
  const where = typeof region === 'string' && status !== 403 ? `; its region is ${region.slice(0, MAX_TEXT)}` : '';
  const words = WORDS[code] ?? readXmlText(text, 'Message')?.slice(0, MAX_TEXT) ?? 'the store refuses the request';
  return new BucketFailure('refused', `${words}${where} (${told})`);
}

function skewWords(headers: IncomingHttpHeaders, now: EpochMilliseconds): string {
  const theirs = Date.parse(headers.date ?? '');
  const words = 'the clock of this machine and that of the store disagree';
  return Number.isNaN(theirs) ? words : `${words} by ${Math.round(Math.abs(now - theirs) / 1000)} s`;
}

/** Names and certificates do not become right by themselves within seconds. */
const REFUSED_CODES = /^(ENOTFOUND|ERR_TLS_|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO_|EPROTO|ERR_INVALID_)/;

/** Of a request to which no answer came. */
export function failureOfLine(cause: unknown): BucketFailure {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const kind = REFUSED_CODES.test(code) ? 'refused' : 'passing';
  return new BucketFailure(kind, `the store cannot be reached (${systemReason(cause)})`, { cause });
}
