// HTTP requests to servers that the operator has configured: with a deadline, without redirects, and with a limit on the length of the answer.

import type { Milliseconds } from '../protocols/units.js';

export interface BoundedRequest {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For the whole exchange. */
  readonly timeout: Milliseconds;
  readonly maxBytes: number;
  /** Ends the request. */
  readonly signal?: AbortSignal;
}

export interface BoundedAnswer {
  readonly status: number;
  readonly text: string;
}

/** The answer is too long. The server was reached, so a second attempt would not help. */
export class TooLongError extends Error {
  override readonly name = 'TooLongError';
}

/** A redirect is returned as an answer and not followed. @throws if there is no complete answer in time, or if the answer is too long */
export async function boundedRequest(url: string, request: BoundedRequest): Promise<BoundedAnswer> {
  const { method = 'GET', headers = {}, body, timeout, maxBytes, signal } = request;
  const deadline = AbortSignal.timeout(timeout);
  const response = await fetch(url, {
    method,
    headers,
    redirect: 'manual',
    signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    ...(body !== undefined && { body }),
  });
  return { status: response.status, text: await readAtMost(response, maxBytes) };
}

async function readAtMost(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done || value === undefined) return Buffer.concat(chunks).toString('utf8');
    length += value.length;
    if (length > maxBytes) {
      await reader?.cancel();
      throw new TooLongError(`the answer has more than ${maxBytes} bytes`);
    }
    chunks.push(value);
  }
}
