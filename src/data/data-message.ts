// Reads a data message of a publisher: a name, and what follows it.

import type { JsonValue } from '../contracts/timed-event.js';
import { decodeAmf0 } from '../protocols/amf/amf0-decoder.js';
import { amfToJson } from '../protocols/amf/json-value.js';
import { SluiceError } from '../protocols/errors.js';

export interface ReadMessage {
  readonly name: string;
  readonly values: JsonValue;
}

/**
 * @param body AMF0, which may contain AMF3
 * @returns undefined for a body that does not begin with a name. Of several values after the name, `values` is a list
 */
export function readDataMessage(body: Buffer): ReadMessage | undefined {
  try {
    const [name, ...values] = decodeAmf0(body);
    if (typeof name !== 'string') return undefined;
    return { name, values: values.length === 1 ? amfToJson(values[0]) : values.map(amfToJson) };
  } catch (error) {
    if (error instanceof SluiceError) return undefined;
    throw error;
  }
}
