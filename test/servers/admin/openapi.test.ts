// The OpenAPI document is valid, complete, committed, and readable as a page.
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { adminUnderTest } from './admin-under-test.js';

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly name: string }[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: object }>>;
}

async function served() {
  const admin = await adminUnderTest();
  const answer = await admin.app.inject('/api/v1/openapi.json');
  const document = answer.json() as { openapi: string; info: object; paths: Record<string, Record<string, Operation>> };
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ route: `${method} ${path}`, path, operation })),
  );
  return { admin, answer, document, operations };
}

describe('E1.01 the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const { document, answer } = await served();
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    const validator = new Validator();
    const result = await validator.validate(document);
    expect(result).toMatchObject({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('describes each operation: a unique name, a sentence, its parameters, its errors', async () => {
    const { operations } = await served();
    expect(operations.length).toBeGreaterThan(14);
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
    for (const { route, path, operation } of operations) {
      expect([route, operation.summary?.length ?? 0]).not.toEqual([route, 0]);
      expect(Object.keys(operation.responses), route).toEqual(expect.arrayContaining(['400', '401', '403', '421']));
      expect(
        Object.keys(operation.responses).some((status) => status === '200' || status === '202'),
        route,
      ).toBe(true);
      for (const [status, { content }] of Object.entries(operation.responses)) {
        expect(content, `${route} ${status}`).toBeDefined();
      }
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(operation.parameters?.map(({ name }) => name) ?? [], route).toEqual(expect.arrayContaining(inPath));
      if (inPath.length > 0) expect(Object.keys(operation.responses), route).toContain('404');
      expect(operation.security).toEqual([{ token: [] }]);
    }
  });

  it('is the one in docs/openapi.json', async () => {
    const { document } = await served();
    const text = `${JSON.stringify({ ...document, info: { ...document.info, version: '0' } }, null, 2)}\n`;
    await expect(text).toMatchFileSnapshot('../../../docs/openapi.json');
  });

  it('is also a page, which loads no files and runs no scripts', async () => {
    const { admin, operations } = await served();
    const { body, headers } = await admin.app.inject('/api/v1/docs');
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(body).not.toMatch(/<script|<img|<link|src=|url\(|="https?:/);
    for (const { path, operation } of operations) {
      expect(body).toContain(`id="${operation.operationId}"`);
      expect(body).toContain(path);
    }
  });
});
