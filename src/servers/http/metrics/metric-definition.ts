// How a metric is described, and short forms for the common kinds.

import type { DeliveryFigures } from '../delivery/delivery-figures.js';
import type { ConnectionFigures } from '../metering/connections.js';
import type { GatewayFigures, StreamFigures } from './figures.js';
import type { ProcessFigures } from './process-figures.js';

/** The figures from which one answer of /metrics is made. */
export interface Snapshot {
  readonly gateway: GatewayFigures;
  readonly delivery: DeliveryFigures;
  /** Undefined if another server accepts the connections. */
  readonly connections: ConnectionFigures | undefined;
  readonly process: ProcessFigures;
  /** Requests of viewers who may not watch, by error code. */
  readonly viewersRefused: ReadonlyMap<string, number>;
  /** Viewers by HLS and DASH, for each listed stream. */
  readonly viewers: readonly { readonly app: string; readonly name: string; readonly viewers: number }[];
}

export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricDefinition {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  readonly help: string;
  readonly labels: readonly string[];
  read(snapshot: Snapshot): readonly MetricSample[];
}

/** The names of the numeric fields. */
type Figure<T> = { [K in keyof T]-?: T[K] extends number | undefined ? K : never }[keyof T];

type Define<T> = (kind: 'counter' | 'gauge', name: string, help: string, figure: Figure<T>) => MetricDefinition;

/** Defines metrics without labels from the fields of one object. They are omitted if the object is undefined. */
export function one<T>(find: (snapshot: Snapshot) => T | undefined): Define<T> {
  return (kind, name, help, figure) => ({
    name,
    kind,
    help,
    labels: [],
    read: (snapshot) => sample({}, find(snapshot), figure),
  });
}

/** Defines metrics with one sample per stream. Streams whose figure is unknown are omitted. */
export const ofStream: Define<StreamFigures> = (kind, name, help, figure) => ({
  name,
  kind,
  help,
  labels: ['app', 'name'],
  read: ({ gateway }) =>
    gateway.streams.flatMap((stream) => sample({ app: stream.app, name: stream.name }, stream, figure)),
});

function sample<T>(labels: MetricSample['labels'], from: T | undefined, figure: Figure<T>): readonly MetricSample[] {
  // `Figure` contains only names of numeric fields.
  const value = from?.[figure] as number | undefined;
  return value === undefined ? [] : [{ labels, value }];
}

export function labelled(label: string, counts: ReadonlyMap<string, number> | undefined): readonly MetricSample[] {
  return [...(counts ?? [])].map(([name, value]) => ({ labels: { [label]: name }, value }));
}
