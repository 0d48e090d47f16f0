// One version of a body as HTTP sees it: its validator, its compressed forms and its header lists, each made once for all viewers.

import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, brotliCompressSync, constants, gzip, gzipSync } from 'node:zlib';
import type { StoredBody } from '../../../contracts/stored-body.js';
import type { Seconds } from '../../../protocols/units.js';
import { cacheControl } from '../cache-control.js';
import type { OriginAnswer, OriginAnswerKind } from '../dependencies.js';
import { CODINGS, type ContentCoding } from './content-coding.js';
import { contentType, isPlaylist, MEDIA_HEADERS } from './media-headers.js';

/** Below this the headers weigh more than what is saved. */
const MIN_COMPRESSED_BYTES = 256;

/** Up to here compressing takes well below a millisecond, and a thread would only delay the viewers that wait for it. */
const MAX_SYNC_BYTES = 32 * 1024;

/** Text of a playlist hardly shrinks further beyond this, at several times the cost. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };

export type FoundAnswer = Extract<OriginAnswer, { readonly body: Buffer }>;
export type StoredAnswer = Extract<OriginAnswer, { readonly stored: StoredBody }>;

/** Node writes a head and a body that is a string in one piece, which costs less than two; copying a larger body would cost more. */
export const MAX_TEXT_BYTES = 16 * 1024;

/** One form of a version: what `writeHead` and `end` take. */
export interface Representation {
  readonly entityTag: string;
  readonly body: Buffer | StoredBody;
  /** Status 200 with Content-Length; flat names and values. */
  readonly headers: readonly string[];
  /** The same without what describes a body: for 304, and with Content-Range and Content-Length for 206. */
  readonly metadata: readonly string[];
  /** The same body, a character for each byte; undefined when it is large. */
  readonly text?: string | undefined;
}

/** Of media that is read while it is sent. Made for each viewer: most players ask for such a file once. */
export function storedRepresentation(answer: StoredAnswer, path: string, targetDuration: Seconds): Representation {
  const { kind, stored: body, blocking = false } = answer;
  const lifetime = cacheControl({ status: 200, kind, blocking, targetDuration });
  const entityTag = `"${mediaTag(path, body.length)}"`;
  const metadata = describe(kind, lifetime, entityTag);
  return { entityTag, body, metadata, headers: [...metadata, 'content-length', String(body.length)] };
}

/** Flat names and values of what does not describe the bytes themselves. */
function describe(kind: OriginAnswerKind, lifetime: string, entityTag: string): string[] {
  return [
    ...['content-type', contentType(kind)],
    ...['cache-control', lifetime],
    ...['etag', entityTag],
    ...(isPlaylist(kind) ? ['vary', 'Accept-Encoding'] : []),
    ...['accept-ranges', isPlaylist(kind) ? 'none' : 'bytes'],
    ...MEDIA_HEADERS,
  ];
}

/** Hashing a segment that was read from disk for one viewer would cost more than sending it, and its name is never used twice. */
function mediaTag(path: string, length: number): string {
  return digest(`${path} ${length}`);
}

/** The versions of the bodies in use. They live as long as the origin keeps their Buffer. */
export class BodyVersions {
  readonly #versions = new WeakMap<Buffer, BodyVersion>();

  /**
   * @param path names the resource, for the validator of media, whose names are never used twice
   * @param targetDuration of the stream, the unit of cache lifetimes
   */
  of(answer: FoundAnswer, path: string, targetDuration: Seconds): BodyVersion {
    const known = this.#versions.get(answer.body);
    if (known !== undefined && known.targetDuration === targetDuration && known.kind === answer.kind) return known;
    const version = new BodyVersion(answer, path, targetDuration);
    this.#versions.set(answer.body, version);
    return version;
  }
}

type InMemory = Representation & { readonly body: Buffer };

export class BodyVersion {
  readonly kind: OriginAnswerKind;
  readonly targetDuration: Seconds;
  readonly #body: Buffer;
  /** Without its quotes. */
  readonly #tag: string;
  readonly #compressed = new Map<ContentCoding, Promise<Buffer>>();
  /** Indexed by coding and by whether the answer is of a blocking request. */
  readonly #representations: (InMemory | undefined)[] = [];

  constructor({ body, kind, entityTag }: FoundAnswer, path: string, targetDuration: Seconds) {
    this.#body = body;
    this.kind = kind;
    this.targetDuration = targetDuration;
    if (entityTag !== undefined) this.#tag = entityTag.replace(/^W\//, '').slice(1, -1);
    else this.#tag = isPlaylist(kind) ? digest(body) : mediaTag(path, body.length);
  }

  /** At once where it is at hand; the first of a large body has to be waited for. */
  representation(coding: ContentCoding, blocking: boolean): InMemory | Promise<InMemory> {
    const used = isPlaylist(this.kind) && this.#body.length >= MIN_COMPRESSED_BYTES ? coding : 'identity';
    const index = CODINGS.indexOf(used) * 2 + (blocking ? 1 : 0);
    const known = this.#representations[index];
    if (known !== undefined) return known;
    const keep = (body: Buffer): InMemory => {
      const made = this.#represent(used, blocking, body);
      this.#representations[index] = made;
      return made;
    };
    if (used === 'identity') return keep(this.#body);
    const other = this.#representations[index ^ 1]?.body;
    if (other !== undefined) return keep(other);
    if (this.#body.length <= MAX_SYNC_BYTES) return keep(compressNow(used, this.#body));
    let compressed = this.#compressed.get(used);
    if (compressed === undefined) {
      compressed = compress(used, this.#body);
      this.#compressed.set(used, compressed);
    }
    return compressed.then(keep);
  }

  #represent(coding: ContentCoding, blocking: boolean, body: Buffer): InMemory {
    const entityTag = coding === 'identity' ? `"${this.#tag}"` : `"${this.#tag}-${coding}"`;
    const metadata = describe(this.kind, this.#cacheControl(blocking), entityTag);
    const headers = [
      ...metadata,
      ...(coding === 'identity' ? [] : ['content-encoding', coding]),
      ...['content-length', String(body.length)],
    ];
    const text = body.length <= MAX_TEXT_BYTES ? body.toString('latin1') : undefined;
    return { entityTag, body, headers, metadata, text };
  }

  #cacheControl(blocking: boolean): string {
    return cacheControl({ status: 200, kind: this.kind, blocking, targetDuration: this.targetDuration });
  }
}

/** 128 bits of SHA-256: nobody has a reason to look for collisions in playlists of his own. */
function digest(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('base64url').slice(0, 22);
}

function compressNow(coding: Exclude<ContentCoding, 'identity'>, body: Buffer): Buffer {
  return coding === 'br' ? brotliCompressSync(body, BROTLI) : gzipSync(body);
}

const gzipAsync = promisify<Buffer, Buffer>(gzip);
const brotliAsync = promisify<Buffer, typeof BROTLI, Buffer>(brotliCompress);

function compress(coding: Exclude<ContentCoding, 'identity'>, body: Buffer): Promise<Buffer> {
  return coding === 'br' ? brotliAsync(body, BROTLI) : gzipAsync(body);
}
