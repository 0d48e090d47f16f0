// Shows the OpenAPI document as a page for people: each operation with its parameters, its body, its answers, and an example command.

/** The part of an OpenAPI 3.1 document that the page shows. */
export interface ApiDocument {
  readonly info: { readonly title: string; readonly version: string };
  readonly paths?: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>;
}

interface ApiOperation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema?: ApiSchema;
    readonly description?: string;
  }[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: ApiSchema }>> };
  readonly responses?: Readonly<
    Record<
      string,
      { readonly description?: string; readonly content?: Readonly<Record<string, { readonly schema?: ApiSchema }>> }
    >
  >;
}

interface ApiSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly ApiSchema[];
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, ApiSchema>>;
  readonly required?: readonly string[];
  readonly items?: ApiSchema;
}

export const DOCS_STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
section { border-top: 1px solid #8888; margin-top: 1.5rem; }
pre, code { font: 0.9em/1.5 ui-monospace, monospace; }
pre { overflow-x: auto; padding: 0.5rem; border: 1px solid #8888; border-radius: 4px; }
th, td { text-align: left; vertical-align: top; padding: 0.2rem 1rem 0.2rem 0; }
`;

export function docsPage({ info, paths = {} }: ApiDocument): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const tags = [...new Set(operations.flatMap(({ operation }) => operation.tags ?? []))];
  const groups = tags.map((tag) => {
    const ofTag = operations.filter(({ operation }) => operation.tags?.includes(tag));
    return `<h2>${escaped(tag)}</h2>${ofTag.map(section).join('')}`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(info.title)}</title>
<style>${DOCS_STYLE}</style>
</head>
<body>
<main>
<h1>${escaped(info.title)} ${escaped(info.version)}</h1>
<p>Every request needs a token: <code>Authorization: Bearer TOKEN</code>. <code>sluice token add --role admin</code> makes one.
The commands below take it from <code>$TOKEN</code>, and this address, such as <code>http://127.0.0.1:8081</code>, from <code>$ADMIN</code>.
For programs: <a href="openapi.json">openapi.json</a>.</p>
${groups.join('\n')}
</main>
</body>
</html>
`;
}

function section({ path, method, operation }: { path: string; method: string; operation: ApiOperation }): string {
  const { operationId = '', summary = '', description = '', parameters = [], requestBody, responses = {} } = operation;
  const body = Object.values(requestBody?.content ?? {})[0]?.schema;
  const rows = [
    ...parameters.map(({ name, in: place, required = false, schema, description: text }) =>
      row(`${name} (${place})`, required, schema, text),
    ),
    ...Object.entries(body?.properties ?? {}).map(([name, schema]) =>
      row(`${name} (body)`, body?.required?.includes(name) === true, schema),
    ),
  ];
  const answers = Object.entries(responses).map(([status, { description: text = '', content = {} }]) => {
    const schema = Object.values(content)[0]?.schema;
    const fields = status.startsWith('2') ? Object.keys(schema?.properties ?? {}).join(', ') : '';
    return `<tr><th scope="row">${escaped(status)}</th><td>${escaped(fields || (text === 'Default Response' ? '' : text))}</td></tr>`;
  });
  return `<section id="${escaped(operationId)}">
<h3><code>${escaped(method)} ${escaped(path)}</code></h3>
<p>${escaped(summary)}. ${escaped(description)}</p>
${rows.length === 0 ? '' : `<table><caption>Parameters</caption>${rows.join('')}</table>`}
<table><caption>Answers</caption>${answers.join('')}</table>
<pre><code>${escaped(command(method, path, body))}</code></pre>
</section>`;
}

function row(name: string, required: boolean, schema: ApiSchema | undefined, text = schema?.description): string {
  const kind = required ? 'required' : 'optional';
  return `<tr><th scope="row"><code>${escaped(name)}</code></th><td>${escaped([kind, kindOf(schema), text].filter(Boolean).join('; '))}</td></tr>`;
}

function kindOf(schema: ApiSchema | undefined): string {
  const words =
    schema?.enum ?? schema?.anyOf?.map((one) => one.const ?? one.enum?.[0]).filter((one) => one !== undefined);
  return words === undefined || words.length === 0 ? (schema?.type ?? '') : `one of ${words.join(', ')}`;
}

function command(method: string, path: string, body: ApiSchema | undefined): string {
  const address = `"$ADMIN${path.replace(/\{(\w+)\}/g, (_, name: string) => name.toUpperCase())}"`;
  const verb = method === 'GET' ? '' : `-X ${method} `;
  const example = Object.fromEntries(
    Object.entries(body?.properties ?? {})
      .filter(([name]) => body?.required?.includes(name))
      .map(([name, schema]) => [name, schema.enum?.[0] ?? schema.examples?.[0] ?? name.toUpperCase()]),
  );
  const data = body === undefined ? '' : ` \\\n  -H 'Content-Type: application/json' -d '${JSON.stringify(example)}'`;
  return `curl ${verb}-H "Authorization: Bearer $TOKEN" ${address}${data}`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
