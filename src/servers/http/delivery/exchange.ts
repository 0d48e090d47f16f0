// A request and its response, with what the delivery needs from HTTP/1.1 and HTTP/2 alike.

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';

export type RawRequest = IncomingMessage | Http2ServerRequest;
export type RawResponse = ServerResponse | Http2ServerResponse;

/** Headers that the surrounding application has already set; names and values alternate. Undefined if there are none. */
export type ForeignHeaders = readonly string[] | undefined;

/** One request, which may share the answer of the origin with others. */
export interface Exchange {
  readonly request: RawRequest;
  readonly response: RawResponse;
  readonly foreign: ForeignHeaders;
  /** Set if the viewer came with a token: the answer must lead to the path with this ticket. */
  readonly ticket?: string | undefined;
  /** Set if this viewer may see no taller picture, in lines. */
  readonly maxHeight?: number | undefined;
  /** Gives its place in the waiting room back. Set while it counts as waiting. */
  release: (() => void) | undefined;
}

/** The value of a header that Node joins into one string if it was sent several times. */
export function header(
  request: RawRequest,
  name: keyof IncomingHttpHeaders & ('range' | 'if-none-match' | 'if-range' | 'accept-encoding' | 'user-agent'),
): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** Size of the request target and headers. */
export function headerBytes({ url = '', rawHeaders }: RawRequest): number {
  return rawHeaders.reduce((sum, text) => sum + text.length, url.length);
}

export function isGone(response: RawResponse): boolean {
  return 'stream' in response ? response.stream.destroyed : response.destroyed;
}

/** Bytes of the answer that the kernel has not taken, because the client has not read earlier bytes. */
export function unreadBytes(response: RawResponse): number {
  return 'stream' in response ? response.stream.writableLength : response.writableLength;
}

/**
 * Cuts an answer off: closes the connection (HTTP/1.1) or resets the stream (HTTP/2).
 * @param code the reason, RFC 9113 section 7; the default says that the client uses too many resources
 */
export function cutOff(response: RawResponse, code: number = constants.NGHTTP2_ENHANCE_YOUR_CALM): void {
  if ('stream' in response) response.stream.close(code);
  else response.destroy();
}

export function writeHead({ response }: Exchange, status: number, headers: readonly string[]): void {
  // The two classes differ only in the type of the header list.
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
