// A request and its answer as the delivery sees them: the little that HTTP/1.1 and HTTP/2 have in common.

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';

export type RawRequest = IncomingMessage | Http2ServerRequest;
export type RawResponse = ServerResponse | Http2ServerResponse;

/** Headers that the application around us has set already: flat names and values, or undefined for none. */
export type ForeignHeaders = readonly string[] | undefined;

/** Waits for the answer of a call that it may share with others. */
export interface Exchange {
  readonly request: RawRequest;
  readonly response: RawResponse;
  readonly foreign: ForeignHeaders;
  /** Frees what its waiting holds; set while it counts as waiting. */
  release: (() => void) | undefined;
}

/** Node gives these as one string each, also when they were sent more than once. */
export function header(
  request: RawRequest,
  name: keyof IncomingHttpHeaders & ('range' | 'if-none-match' | 'if-range' | 'accept-encoding' | 'user-agent'),
): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** What the client sent with its request, target included. */
export function headerBytes({ url = '', rawHeaders }: RawRequest): number {
  return rawHeaders.reduce((sum, text) => sum + text.length, url.length);
}

export function isGone(response: RawResponse): boolean {
  return 'stream' in response ? response.stream.destroyed : response.destroyed;
}

/** Bytes that the client has not taken yet. */
export function unsentBytes(response: RawResponse): number {
  return 'stream' in response ? response.stream.writableLength : response.writableLength;
}

/**
 * Ends the answer where it stands: the connection of HTTP/1.1, the one stream of HTTP/2.
 * @param code why, RFC 9113 section 7: by default that the client takes more than it should
 */
export function cutOff(response: RawResponse, code: number = constants.NGHTTP2_ENHANCE_YOUR_CALM): void {
  if ('stream' in response) response.stream.close(code);
  else response.destroy();
}

export function writeHead({ response }: Exchange, status: number, headers: readonly string[]): void {
  // The two classes agree in everything that is used here but the types of a list.
  (response as ServerResponse).writeHead(status, headers as string[]);
}

export function writeAnswer(
  exchange: Exchange,
  status: number,
  headers: readonly string[],
  body: Buffer | string | undefined,
): void {
  const { request, response } = exchange;
  writeHead(exchange, status, headers);
  if (body === undefined || request.method === 'HEAD') response.end();
  else if (typeof body === 'string') response.end(body, 'latin1');
  else response.end(body);
}
