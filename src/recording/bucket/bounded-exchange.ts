// One HTTP request and its answer, over persistent connections, with a deadline and a limit on the length of the answer. Uses `node:https`, because
// there is no documented way to give Node's `fetch` a certificate authority.

import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  Agent as PlainAgent,
  request as plainRequest,
} from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import type { Milliseconds } from '../../protocols/units.js';

export interface ExchangeRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | undefined;
  /** For the whole exchange. */
  readonly timeout: Milliseconds;
  /** Limit of the body of the answer. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

export interface ExchangeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export class BoundedExchanges {
  readonly #agent: PlainAgent;
  readonly #request: typeof plainRequest;

  /** @param ca certificates to trust instead of those of Node, as PEM */
  constructor(endpoint: string, ca: string | undefined) {
    const isTls = endpoint.startsWith('https:');
    const options = { keepAlive: true };
    this.#agent = isTls ? new TlsAgent({ ...options, ...(ca !== undefined && { ca }) }) : new PlainAgent(options);
    this.#request = isTls ? tlsRequest : plainRequest;
  }

  /** Redirects are returned and not followed. @throws if there is no complete answer in time, or if the answer is too long */
  send({ method, url, headers, body, timeout, maxBytes, signal }: ExchangeRequest): Promise<ExchangeAnswer> {
    return new Promise((resolve, reject) => {
      const late = AbortSignal.timeout(timeout);
      const length = method === 'PUT' || method === 'POST' ? { 'content-length': String(body?.length ?? 0) } : {};
      const request = this.#request(
        url,
        { method, headers: { ...headers, ...length }, agent: this.#agent, signal: AbortSignal.any([signal, late]) },
        (message) => readAtMost(message, maxBytes).then((read) => resolve(answerOf(message, read)), fail),
      );
      const fail = (cause: unknown): void => {
        request.destroy();
        reject(late.aborted ? new Error(`no answer within ${Math.round(timeout / 1000)} s`, { cause }) : cause);
      };
      request.on('error', fail);
      request.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function answerOf({ statusCode = 0, headers }: IncomingMessage, body: Buffer): ExchangeAnswer {
  return { status: statusCode, headers, body };
}

async function readAtMost(message: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
