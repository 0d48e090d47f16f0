// Renders the metrics in the text format of Prometheus. All values are read at the time of the request; none is counted a second time here.

import { Counter, Gauge, Registry } from 'prom-client';
import type { Delivery } from '../delivery/delivery.js';
import type { ViewerGate } from '../delivery/viewer-gate.js';
import type { Viewers } from '../delivery/viewers.js';
import type { StreamDirectory } from '../dependencies.js';
import type { ConnectionFigures } from '../metering/connections.js';
import { METRICS } from './definitions.js';
import type { MetricsSource } from './figures.js';
import type { MetricDefinition, Snapshot } from './metric-definition.js';
import { ProcessObserver } from './process-figures.js';

export interface MetricsOptions {
  readonly source: MetricsSource | undefined;
  readonly delivery: Delivery;
  readonly connections: () => ConnectionFigures | undefined;
  readonly viewers: Viewers;
  /** Undefined if everybody may watch. */
  readonly gate: ViewerGate | undefined;
  readonly streams: StreamDirectory;
}

export class Metrics {
  readonly #options: MetricsOptions;
  readonly #registry = new Registry();
  readonly #process = new ProcessObserver();
  readonly #instruments: readonly ((snapshot: Snapshot) => void)[];

  constructor(options: MetricsOptions) {
    this.#options = options;
    this.#instruments = METRICS.map((definition) => instrument(definition, this.#registry));
  }

  close(): void {
    this.#process.close();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  render(): Promise<string> {
    const { source, delivery, connections, viewers, gate, streams } = this.#options;
    const snapshot: Snapshot = {
      gateway: source?.figures() ?? { streams: [] },
      delivery: delivery.figures,
      connections: connections(),
      process: this.#process.read(),
      viewersRefused: gate?.refused ?? new Map(),
      viewers: streams.list().map(({ app, name }) => ({ app, name, viewers: viewers.count(app, name) })),
    };
    for (const take of this.#instruments) take(snapshot);
    return this.#registry.metrics();
  }
}

/** Resets the instrument first, so that streams that no longer exist are not shown. */
function instrument(definition: MetricDefinition, registry: Registry): (snapshot: Snapshot) => void {
  const { name, help, kind, labels, read } = definition;
  const configuration = { name, help, labelNames: [...labels], registers: [registry] };
  if (kind === 'gauge') {
    const gauge = new Gauge(configuration);
    return (snapshot) => {
      gauge.reset();
      for (const { labels: of, value } of read(snapshot)) gauge.set({ ...of }, value);
    };
  }
  const counter = new Counter(configuration);
  return (snapshot) => {
    counter.reset();
    for (const { labels: of, value } of read(snapshot)) counter.inc({ ...of }, value);
  };
}
