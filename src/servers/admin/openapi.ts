// The OpenAPI 3.1 document, generated from the schemas of the routes, and a page that shows it without scripts and without other servers.

import { createHash } from 'node:crypto';
import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { type ApiDocument, DOCS_STYLE, docsPage } from './docs-page.js';
import { ProblemSchema } from './operation.js';

/** Call before the routes are registered, because it records each of them. */
export function registerOpenApi(app: FastifyInstance, version: string): void {
  app.addSchema(ProblemSchema);
  void app.register(swagger, {
    refResolver: { buildLocalReference: ({ $id }, _base, _fragment, index) => String($id ?? `schema-${index}`) },
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Sluice management API',
        description: 'For operators: `Authorization: Bearer TOKEN`, with a token of `sluice token add`.',
        version,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'Operator token' } } },
    },
  });
}

/** The document is also in the public source code, so it needs no token. */
export async function openApiRoutes(app: FastifyInstance): Promise<void> {
  const styleHash = createHash('sha256').update(DOCS_STYLE).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

  app.get('/api/v1/openapi.json', { config: { access: 'open' }, schema: { hide: true } }, (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(JSON.stringify(app.swagger())),
  );

  app.get('/api/v1/docs', { config: { access: 'open' }, schema: { hide: true } }, (_request, reply) =>
    reply
      .header('content-security-policy', policy)
      .type('text/html; charset=utf-8')
      .send(docsPage(app.swagger() as unknown as ApiDocument)),
  );
}
