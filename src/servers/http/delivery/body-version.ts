// One version of a playlist or media file: its validator (ETag), compressed forms and header lists, each made once for all viewers.

import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, brotliCompressSync, constants, gzip, gzipSync } from 'node:zlib';
import type { StoredBody } from '../../../contracts/stored-body.js';
import type { Seconds } from '../../../protocols/units.js';
import type { OriginAnswer, OriginAnswerKind } from '../dependencies.js';
import { CODINGS, type ContentCoding } from '../negotiation.js';
import { cacheControl, contentType, isPlaylist, MEDIA_HEADERS } from './media-headers.js';

/** Compressing a shorter body saves less than the additional header costs. */
const MIN_COMPRESSED_BYTES = 256;

/** Up to this size, compression takes much less than a millisecond. In another thread, waiting viewers would only wait longer. */
const MAX_SYNC_BYTES = 32 * 1024;

/** Higher levels take several times as long and hardly make a playlist smaller. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } };

export type FoundAnswer = Extract<OriginAnswer, { readonly body: Buffer }>;
export type StoredAnswer = Extract<OriginAnswer, { readonly stored: StoredBody }>;

/** Node joins a head and a string body into one write, which is cheaper than two. For a larger body the copy would cost more. */
const MAX_TEXT_BYTES = 16 * 1024;

/** One encoded form of a version, ready for `writeHead` and `end`. */
export interface Representation {
  readonly entityTag: string;
  readonly body: Buffer | StoredBody;
  /** For status 200, with Content-Length. Names and values alternate. */
  readonly headers: readonly string[];
  /** Without the headers that describe the body: for 304, and for 206, which adds Content-Range and Content-Length. */
  readonly metadata: readonly string[];
  /** The body with one character per byte; undefined if it is large. */
  readonly text?: string | undefined;
}

/** For media that is read from disk while it is sent. Made for each request, because few viewers request such a file. */
export function storedRepresentation(answer: StoredAnswer, path: string, targetDuration: Seconds): Representation {
  const { kind, stored: body, isFinal = false } = answer;
  const lifetime = cacheControl({ status: 200, kind, isFinal, targetDuration });
  const entityTag = `"${mediaTag(path, body.length)}"`;
  const metadata = describe(kind, lifetime, entityTag);
  return { entityTag, body, metadata, headers: [...metadata, 'content-length', String(body.length)] };
}

/** Names and values of the headers, except length and coding of the body. */
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

/**
 * The validator of a media file is its name and length, because names are never reused. Hashing the body would cost more than sending it.
 */
function mediaTag(path: string, length: number): string {
  return digest(`${path} ${length}`);
}

/** The version of each body in memory. A version lives as long as the origin keeps its Buffer. */
export class BodyVersions {
  readonly #versions = new WeakMap<Buffer, BodyVersion>();

  /**
   * @param path identifies the file, for the validator of media
   * @param targetDuration target duration of the stream, the unit of cache lifetimes
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
  /** The entity tag without quotes. */
  readonly #tag: string;
  readonly #compressed = new Map<ContentCoding, Promise<Buffer>>();
  /** Index: twice the index of the coding, plus 1 for final answers. */
  readonly #representations: (InMemory | undefined)[] = [];

  constructor({ body, kind, entityTag }: FoundAnswer, path: string, targetDuration: Seconds) {
    this.#body = body;
    this.kind = kind;
    this.targetDuration = targetDuration;
    if (entityTag !== undefined) this.#tag = entityTag.replace(/^W\//, '').slice(1, -1);
    else this.#tag = isPlaylist(kind) ? digest(body) : mediaTag(path, body.length);
  }

  /** Returns a promise only while a large body is compressed for the first time. */
  representation(coding: ContentCoding, isFinal: boolean): InMemory | Promise<InMemory> {
    const used = isPlaylist(this.kind) && this.#body.length >= MIN_COMPRESSED_BYTES ? coding : 'identity';
    const index = CODINGS.indexOf(used) * 2 + (isFinal ? 1 : 0);
    const known = this.#representations[index];
    if (known !== undefined) return known;
    const keep = (body: Buffer): InMemory => {
      const made = this.#represent(used, isFinal, body);
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

  #represent(coding: ContentCoding, isFinal: boolean, body: Buffer): InMemory {
    const entityTag = coding === 'identity' ? `"${this.#tag}"` : `"${this.#tag}-${coding}"`;
    const metadata = describe(this.kind, this.#cacheControl(isFinal), entityTag);
    const headers = [
      ...metadata,
      ...(coding === 'identity' ? [] : ['content-encoding', coding]),
      ...['content-length', String(body.length)],
    ];
    const text = body.length <= MAX_TEXT_BYTES ? body.toString('latin1') : undefined;
    return { entityTag, body, headers, metadata, text };
  }

  #cacheControl(isFinal: boolean): string {
    return cacheControl({ status: 200, kind: this.kind, isFinal, targetDuration: this.targetDuration });
  }
}

/** 128 bits of SHA-256 are enough: publishers gain nothing from collisions between their own playlists. */
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
