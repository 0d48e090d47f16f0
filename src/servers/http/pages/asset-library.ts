// Scripts, styles and images of the pages, in memory. Each is hashed once and compressed once for all viewers.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { ContentCoding } from '../negotiation.js';
import { bundleModules } from './module-bundle.js';

/** The path from which pages import hls.js. The file itself is in the npm package. */
export const HLS_MODULE = 'vendor/hls.mjs';

/** The script element of a page. Captures the path of the script below `assets/`. */
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

/** Formats that are already compressed. */
const COMPRESSED_TYPES = new Set(['.png', '.ico']);

/** Level 11 makes hls.js 7 % smaller, but takes 0.7 s instead of 0.05 s, and the first viewer would have to wait. */
const BROTLI_QUALITY = 9;

const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);

export class Asset {
  readonly type: string;
  /** The entity tag without quotes. */
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

  /** @param wanted the best coding that the client accepts */
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
  /** Changes if any of the files changes. One version for all, because the scripts import each other by relative paths. */
  readonly version: string;
  readonly #assets: ReadonlyMap<string, Asset>;

  /** @param directory `public/`. @throws if it cannot be read */
  constructor(directory: string) {
    const assets = new Map<string, Asset>();
    for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
      // Skips the HTML pages, and files that editors or operating systems put there.
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

  /** Compresses in advance what every viewer needs. Only with Brotli, because few browsers lack it. */
  prepare(): void {
    const needed = [...this.#assets].filter(([path]) => path === HLS_MODULE || path.startsWith(bundlePath('')));
    // If this fails, it also fails at the first request, and is reported there.
    for (const [, asset] of needed) asset.encoded('br').catch(() => undefined);
  }

  /** The address below `assets/` under which caches may keep a file for ever. */
  lasting(path: string): string {
    return `~${this.version}/${path}`;
  }
}

/** The path of a page's script bundled with all modules that it imports, except hls.js. */
export function bundlePath(script: string): string {
  return `bundle/${script}`;
}

/** The scripts that the pages refer to. */
function pageScripts(directory: string): ReadonlySet<string> {
  const pages = readdirSync(directory).filter((name) => name.endsWith('.html'));
  const found = pages.flatMap((name) => [...readFileSync(join(directory, name), 'utf8').matchAll(PAGE_SCRIPT)]);
  return new Set(found.map(([, script = '']) => script));
}

let shared: { readonly directory: string; readonly library: AssetLibrary } | undefined;

/** One library for all applications of this process, so that a second gateway does not compress everything again. */
export function assetLibrary(directory: string): AssetLibrary {
  if (shared?.directory !== directory) shared = { directory, library: new AssetLibrary(directory) };
  return shared.library;
}

/** The ES module build of hls.js, wherever npm has installed it. The light build does not support separate audio renditions, which we use. */
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
