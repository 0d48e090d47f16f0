// Makes one script of a page out of its ES modules, so that it costs one request and not thirty: each module becomes a function that
// is called once, in the order of the imports. It understands the modules of public/ as our formatter writes them, and no others.

import { posix } from 'node:path';

/** `import { a, b as c } from './x.js';` at the beginning of a line. */
const IMPORT = /^import \{([^}]*)\} from '([^']+)';\n/gm;
/** `export function f`, `export async function f`, `export class C`, `export const c`. */
const EXPORT = /^export ((?:async )?function|class|const) (\w+)/gm;

/**
 * @param entry path of the script that a page names
 * @param read the text of a module of ours; undefined for one that stays a module of its own, as hls.js does
 * @throws {Error} for a module that is written in another way, or that imports itself through others
 */
export function bundleModules(entry: string, read: (path: string) => string | undefined): string {
  const imports: string[] = [];
  const functions: string[] = [];
  /** The name under which a module is known in the bundle; undefined while its imports are being read. */
  const names = new Map<string, string | undefined>();

  const add = (path: string): string => {
    if (names.has(path)) {
      const known = names.get(path);
      if (known === undefined) throw new Error(`public/${path} imports itself through others`);
      return known;
    }
    names.set(path, undefined);
    const name = `m${names.size}`;
    const text = read(path);
    if (text === undefined) imports.push(`import * as ${name} from '../${path}';`);
    else functions.push(asFunction(path, name, text, add));
    names.set(path, name);
    return name;
  };

  add(entry);
  return `${[...imports, ...functions].join('\n')}\n`;
}

function asFunction(path: string, name: string, text: string, add: (path: string) => string): string {
  const exported = [...text.matchAll(EXPORT)].map(([, , exportedName]) => exportedName);
  const body = text
    .replace(IMPORT, (_match, bindings: string, specifier: string) => {
      const source = add(posix.join(posix.dirname(path), specifier));
      return `const {${bindings.replaceAll(' as ', ': ')}} = ${source};\n`;
    })
    .replace(EXPORT, '$1 $2');
  if (/^(?:import|export)\b/m.test(body))
    throw new Error(`public/${path} has an import or export that cannot be bundled`);
  return `// ${path}\nconst ${name} = (() => {\n${body}return { ${exported.join(', ')} };\n})();`;
}
