// Tries over real RTMP whether a stream key may publish.
import { Encoder } from '../servers/rtmp/server-under-test.js';

export interface Attempt {
  readonly encoder: Encoder;
  /** Undefined if publishing was accepted. */
  readonly refusal: { readonly code: string; readonly description: string } | undefined;
}

/** @param rtmp `rtmp://HOST:PORT/APP`. @param streamKey with its query */
export async function tryToPublish(rtmp: string, streamKey: string): Promise<Attempt> {
  const { port, pathname } = new URL(rtmp);
  const encoder = new Encoder(Number(port), streamKey, { app: pathname.slice(1) });
  const answer = await encoder.event('publishing', 'rejected');
  if (answer.type === 'publishing') return { encoder, refusal: undefined };
  return { encoder, refusal: { code: answer.code, description: answer.description } };
}
