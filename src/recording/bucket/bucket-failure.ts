// Failures of requests to a bucket, classified by what has to be done, with a text for the operator.

import type { IncomingHttpHeaders } from 'node:http';
import { systemReason } from '../../protocols/system-error.js';
import type { EpochMilliseconds } from '../../protocols/units.js';
import { readXmlText } from './bucket-answers.js';

/**
 * - `passing`: a temporary problem of the server or the network; try again soon.
 * - `refused`: somebody must change a key, a permission, the clock or a name first. Try again later.
 * - `condition`: the object does not meet the condition of the request (412).
 * - `unsupported`: the server does not support the request (501).
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

/** Texts for the operator, by the error code of S3. */
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

/** Error codes with status 400 or 409 that are temporary. */
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

/** Codes of wrong names and certificates, which are not temporary. */
const REFUSED_CODES = /^(ENOTFOUND|ERR_TLS_|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO_|EPROTO|ERR_INVALID_)/;

/** The failure of a request without an answer. */
export function failureOfLine(cause: unknown): BucketFailure {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const kind = REFUSED_CODES.test(code) ? 'refused' : 'passing';
  return new BucketFailure(kind, `the store cannot be reached (${systemReason(cause)})`, { cause });
}
