// Scripts, styles and pictures of the pages, in memory: each is hashed once and compressed once, whatever the number of viewers.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { ContentCoding } from '../delivery/content-coding.js';
import { bundleModules } from './module-bundle.js';

/** Where the pages import hls.js from; the file itself lies in its npm package. */
export const HLS_MODULE = 'vendor/hls.mjs';

/** In a page, with the path of the script below `assets/`. */
export const PAGE_SCRIPT = /<script type="module" src="assets\/([^"]+)">/g;

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json; charset=utf-8',
};

/** These are compressed already. */
const COMPRESSED_TYPES = new Set(['.png', '.ico']);

/** The highest level of Brotli saves another 7 % of hls.js, but takes 0.7 s instead of 0.05 s, for which the first viewer would wait. */
const BROTLI_QUALITY = 9;

const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);

export class Asset {
  readonly type: string;
  /** Without its quotes. */
  readonly digest: string;
  readonly #body: Buffer;
  readonly #isCompressible: boolean;
  readonly #compressed = new Map<ContentCoding, Promise<Buffer>>();

  constructor(path: string, body: Buffer) {
    this.type = TYPES[extname(path)] ?? 'application/octet-stream';
    this.digest = digestOf(body);
    this.#body = body;
    this.#isCompressible = !COMPRESSED_TYPES.has(extname(path));
  }

  get text(): string {
    return this.#body.toString('utf8');
  }

  /** @param wanted the best coding that the client takes */
  async encoded(wanted: ContentCoding): Promise<{ readonly coding: ContentCoding; readonly body: Buffer }> {
    if (wanted === 'identity' || !this.#isCompressible) return { coding: 'identity', body: this.#body };
    let compressed = this.#compressed.get(wanted);
    if (compressed === undefined) {
      compressed = compress(wanted, this.#body);
      this.#compressed.set(wanted, compressed);
    }
    return { coding: wanted, body: await compressed };
  }
}

export class AssetLibrary {
  /** Changes whenever any of the files does: the scripts import each other by relative paths, so they are versioned as one. */
  readonly version: string;
  readonly #assets: ReadonlyMap<string, Asset>;

  /** @param directory `public/`; its HTML files are no assets. @throws when it cannot be read */
  constructor(directory: string) {
    const assets = new Map<string, Asset>();
    for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
      // Pages are no assets, and neither is what an editor or an operating system leaves in a directory.
      if (TYPES[extname(name)] === undefined) continue;
      const path = name.replaceAll(sep, '/');
      assets.set(path, new Asset(path, readFileSync(join(directory, name))));
    }
    assets.set(HLS_MODULE, new Asset(HLS_MODULE, readFileSync(hlsModulePath())));
    const read = (path: string): string | undefined => (path === HLS_MODULE ? undefined : assets.get(path)?.text);
    for (const script of pageScripts(directory)) {
      const bundle = bundlePath(script);
      assets.set(bundle, new Asset(bundle, Buffer.from(bundleModules(script, read))));
    }
    this.#assets = assets;
    const names = [...assets.keys()].sort();
    const digests = names.map((name) => `${name} ${assets.get(name)?.digest}\n`).join('');
    this.version = digestOf(Buffer.from(digests)).slice(0, 10);
  }

  /** @param path below `public/`, with forward slashes */
  find(path: string): Asset | undefined {
    return this.#assets.get(path);
  }

  /** Compresses what every viewer needs before the first one comes. Browsers that take no Brotli are few. */
  prepare(): void {
    const needed = [...this.#assets].filter(([path]) => path === HLS_MODULE || path.startsWith(bundlePath('')));
    // A failure is met again, and reported, when somebody asks.
    for (const [, asset] of needed) asset.encoded('br').catch(() => undefined);
  }

  /** The address below `assets/` under which a file may be kept for ever. */
  lasting(path: string): string {
    return `~${this.version}/${path}`;
  }
}

/** Where the script of a page lies, in one with all that it imports except hls.js. */
export function bundlePath(script: string): string {
  return `bundle/${script}`;
}

/** Those that the pages name. */
function pageScripts(directory: string): ReadonlySet<string> {
  const pages = readdirSync(directory).filter((name) => name.endsWith('.html'));
  const found = pages.flatMap((name) => [...readFileSync(join(directory, name), 'utf8').matchAll(PAGE_SCRIPT)]);
  return new Set(found.map(([, script = '']) => script));
}

let shared: { readonly directory: string; readonly library: AssetLibrary } | undefined;

/** One library for all applications of this process, so that a second gateway compresses nothing again. */
export function assetLibrary(directory: string): AssetLibrary {
  if (shared?.directory !== directory) shared = { directory, library: new AssetLibrary(directory) };
  return shared.library;
}

/** The ES module build of hls.js, wherever npm put the package. The light build lacks separate audio tracks, which our streams have. */
function hlsModulePath(): string {
  return createRequire(import.meta.url).resolve('hls.js/dist/hls.min.mjs');
}

function digestOf(body: Buffer): string {
  return createHash('sha256').update(body).digest('base64url').slice(0, 22);
}

function compress(coding: Exclude<ContentCoding, 'identity'>, body: Buffer): Promise<Buffer> {
  if (coding === 'gzip') return gzipAsync(body, { level: 9 });
  const { BROTLI_PARAM_QUALITY: quality, BROTLI_PARAM_SIZE_HINT: size } = constants;
  return brotliAsync(body, { params: { [quality]: BROTLI_QUALITY, [size]: body.length } });
}
