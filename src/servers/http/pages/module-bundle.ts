// Bundles the ES modules of a page into one script, so that it takes one request instead of thirty. Each module becomes a function that is
// called once, in the order of the imports. It handles only modules in the form that our formatter writes, which is true of those in
// public/.

import { posix } from 'node:path';

/** `import { a, b as c } from '../assets/x.js';` at the beginning of a line. */
const IMPORT = /^import \{([^}]*)\} from '([^']+)';\n/gm;
/** `export function f`, `export async function f`, `export class C`, `export const c`. */
const EXPORT = /^export ((?:async )?function|class|const) (\w+)/gm;

/**
 * @param entry path of the script to which a page refers
 * @param read returns the text of a module; undefined for one that is not bundled, such as hls.js
 * @throws {Error} if a module cannot be parsed, or if imports form a cycle
 */
export function bundleModules(entry: string, read: (path: string) => string | undefined): string {
  const imports: string[] = [];
  const functions: string[] = [];
  /** The variable of each module in the bundle; undefined while its imports are being read. */
  const names = new Map<string, string | undefined>();

  const add = (path: string): string => {
    if (names.has(path)) {
      const known = names.get(path);
      if (known === undefined) throw new Error(`public/${path} is part of an import cycle`);
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
