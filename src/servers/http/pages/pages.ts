// Reads the HTML pages when the application is built, so that a missing file is an error at the start and not for the first visitor.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AssetLibrary, assetLibrary, bundlePath, HLS_MODULE, PAGE_SCRIPT } from './asset-library.js';

export interface Pages {
  readonly list: string;
  readonly watch: string;
  readonly embed: string;
  readonly error: string;
  readonly recordings: string;
  readonly recording: string;
}

/** `public/` of this package. Searched upwards, because this file runs from `src/` in tests and from `dist/` when installed. */
export function publicDirectory(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const candidate = join(directory, 'public');
    if (isSluicePublic(candidate)) return candidate;
    const parent = dirname(directory);
    if (parent === directory) throw new Error('the directory public/ of the sluice package was not found');
    directory = parent;
  }
}

function isSluicePublic(directory: string): boolean {
  try {
    return readFileSync(join(directory, 'player.js')).length > 0;
  } catch {
    return false;
  }
}

/** @param directory `public/` */
export function loadPages(directory: string): Pages {
  const library = assetLibrary(directory);
  const read = (name: string): string => withAssets(readFileSync(join(directory, `${name}.html`), 'utf8'), library);
  return {
    ...{ list: read('index'), watch: read('watch'), embed: read('embed'), error: read('error') },
    ...{ recordings: read('recordings'), recording: read('recording') },
  };
}

/** Gives every asset its versioned address, replaces scripts by their bundles, and preloads hls.js so that it loads in parallel. */
function withAssets(page: string, library: AssetLibrary): string {
  const tag = (path: string): string => `<script type="module" src="assets/${bundlePath(path)}">`;
  const withScripts = page.replace(PAGE_SCRIPT, (_match, script: string) => {
    const isPlayer = library.find(bundlePath(script))?.text.includes(HLS_MODULE) === true;
    return isPlayer ? `<link rel="modulepreload" href="assets/${HLS_MODULE}">\n  ${tag(script)}` : tag(script);
  });
  return withScripts.replace(/="assets\/([^"]+)"/g, (_match, path: string) => `="assets/${library.lasting(path)}"`);
}

/**
 * Pages have a `<base href>` that leads to the mount point by `../` alone, so they work under any prefix, even one that a proxy adds.
 * Errors occur at any depth, so the depth is counted in the path. No other part of the path gets into the page.
 */
export function renderErrorPage(page: string, pathBelowMount: string, status: number, message: string): string {
  const depth = Math.min(32, pathBelowMount.split('/').length - 2);
  const base = depth > 0 ? '../'.repeat(depth) : './';
  return page
    .replace('href="./"', `href="${base}"`)
    .replaceAll('{{status}}', String(status))
    .replaceAll('{{message}}', () => escapeText(message));
}

/** Escapes text for use between tags and in quoted attributes. */
export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
