// An S3-compatible store in this process: it keeps objects in memory, fails on request, and checks after each change that its playlists list no
// missing media. It does not check signatures; versitygw does (`bucket.long.ts`).

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { whenOver } from '../../support/lifetime.js';

export interface StoredObject {
  readonly body: Buffer;
  readonly etag: string;
  readonly contentType: string;
  readonly cacheControl: string;
}

/**
 * - `lost answer`: the request is carried out, and the connection is reset.
 * - `reset`: the connection is reset before anything is done.
 * - `silence`: no answer comes.
 */
export type StoreFault =
  | { readonly status: number; readonly code: string; readonly headers?: Readonly<Record<string, string>> }
  | 'lost answer'
  | 'reset'
  | 'silence';

export interface StoreRequest {
  readonly method: string;
  /** Empty for the bucket itself. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
}

export class FakeStore {
  readonly objects = new Map<string, StoredObject>();
  /** Playlists that listed missing objects at any time. */
  readonly violations: string[] = [];
  readonly requests: string[] = [];
  /** Playlists that have had an end, even if they have been removed since. */
  readonly ended = new Set<string>();
  /** Selects a fault for a request; undefined: the request succeeds. */
  fault: (request: StoreRequest) => StoreFault | undefined | Promise<StoreFault | undefined> = () => undefined;
  /** Keys on a page of a list. */
  pageSize = 1000;
  /** Status of a PUT with If-Match for an object that is not there: 404 at AWS. */
  absentMatch: 404 | 412 = 412;
  endpoint = '';

  static async start(): Promise<FakeStore> {
    const store = new FakeStore();
    const server = createServer((request, response) => void store.#serve(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    whenOver(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    store.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return store;
  }

  text(key: string): string | undefined {
    return this.objects.get(key)?.body.toString('utf8');
  }

  /** Keys with this prefix, without the prefix. */
  keys(prefix = ''): string[] {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix));
    return keys.map((key) => key.slice(prefix.length)).sort();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await request.toArray());
    const url = new URL(request.url ?? '/', 'http://store');
    const [, bucket, ...rest] = url.pathname.split('/');
    const asked: StoreRequest = {
      method: request.method ?? '',
      key: rest.join('/'),
      query: url.searchParams,
      headers: request.headers,
    };
    this.requests.push(`${asked.method} ${asked.key}`);
    const fault = await this.fault(asked);
    if (fault === 'silence') return;
    if (fault === 'reset') return void request.socket.destroy();
    if (fault === undefined || fault === 'lost answer') {
      const answer = bucket === 'bucket' ? this.#carryOut(asked, body) : refusal(404, 'NoSuchBucket');
      if (fault === 'lost answer') return void request.socket.destroy();
      response.writeHead(answer.status, answer.headers).end(asked.method === 'HEAD' ? undefined : answer.body);
      return;
    }
    const { status, code, headers } = fault;
    const answer = refusal(status, code);
    response.writeHead(status, { ...answer.headers, ...headers }).end(answer.body);
  }

  #carryOut(asked: StoreRequest, body: Buffer): Answer {
    const { method, key, query, headers } = asked;
    if (isIP(String(headers.host).split(':')[0] ?? '') === 0) return refusal(400, 'InvalidURI');
    if (!/^AWS4-HMAC-SHA256 Credential=key-id\//.test(headers.authorization ?? '')) return refusal(403, 'AccessDenied');
    const digest = createHash('sha256').update(body).digest('hex');
    if (headers['x-amz-content-sha256'] !== digest) return refusal(400, 'XAmzContentSHA256Mismatch');
    if (headers['x-amz-trailer'] !== undefined) return refusal(501, 'NotImplemented');
    if (method === 'PUT') return this.#put(key, body, headers);
    if (method === 'GET' && query.get('list-type') === '2') return this.#list(query);
    if (method === 'POST' && query.has('delete')) return this.#remove(body, headers);
    const object = this.objects.get(key);
    if (object === undefined) return refusal(404, 'NoSuchKey');
    return { status: 200, headers: { etag: object.etag, 'content-length': object.body.length }, body: object.body };
  }

  #put(key: string, body: Buffer, headers: StoreRequest['headers']): Answer {
    const there = this.objects.get(key);
    const expected = headers['if-match'];
    if (headers['if-none-match'] === '*' && there !== undefined) return refusal(412, 'PreconditionFailed');
    if (expected !== undefined && there === undefined && this.absentMatch === 404) return refusal(404, 'NoSuchKey');
    if (expected !== undefined && there?.etag !== expected) return refusal(412, 'PreconditionFailed');
    const etag = `"${createHash('md5').update(body).digest('hex')}"`;
    const { 'content-type': contentType = '', 'cache-control': cacheControl = '' } = headers;
    this.objects.set(key, { body, etag, contentType, cacheControl });
    if (key.endsWith('.m3u8')) this.check(key);
    if (body.toString('utf8').endsWith('#EXT-X-ENDLIST\n')) this.ended.add(key);
    return { status: 200, headers: { etag }, body: '' };
  }

  #list(query: URLSearchParams): Answer {
    const prefix = query.get('prefix') ?? '';
    const after = query.get('continuation-token') ?? '';
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    const page = keys.slice(0, this.pageSize);
    const contents = page.map(
      (key) =>
        `<Contents><Key>${encodeURIComponent(key)}</Key><Size>${this.objects.get(key)?.body.length}</Size></Contents>`,
    );
    const isTruncated = page.length < keys.length;
    const next = isTruncated ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
    const body = `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`;
    return { status: 200, headers: {}, body };
  }

  #remove(body: Buffer, headers: StoreRequest['headers']): Answer {
    const digest = createHash('md5').update(body).digest('base64');
    if (headers['content-md5'] !== digest) return refusal(400, 'InvalidRequest');
    for (const [, key = ''] of body.toString('utf8').matchAll(/<Key>([^<]*)<\/Key>/g)) this.objects.delete(key);
    this.checkAll();
    return { status: 200, headers: {}, body: '<DeleteResult></DeleteResult>' };
  }

  checkAll(): void {
    for (const key of this.objects.keys()) if (key.endsWith('.m3u8')) this.check(key);
  }

  /** Checks that all files and playlists exist that the playlist lists. */
  check(key: string): void {
    const directory = key.replace(/[^/]*$/, '');
    for (const uri of urisOf(this.text(key) ?? '')) {
      const path = new URL(uri, `http://store/${directory}`).pathname.slice(1);
      if (!this.objects.has(path)) this.violations.push(`${key} lists ${uri}`);
    }
  }
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: string | Buffer;
}

function refusal(status: number, code: string): Answer {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>told &amp; refused</Message></Error>`;
  return { status, headers: { 'content-type': 'application/xml', date: new Date().toUTCString() }, body };
}

/** The URIs that a player may request: all except gaps. */
function urisOf(playlist: string): string[] {
  const uris: string[] = [];
  let isGap = false;
  for (const line of playlist.split('\n')) {
    if (line === '#EXT-X-GAP') isGap = true;
    else if (line.startsWith('#')) uris.push(...[...line.matchAll(/URI="([^"]+)"/g)].map(([, uri = '']) => uri));
    else if (line !== '') {
      if (!isGap) uris.push(line);
      isGap = false;
    }
  }
  return uris;
}
