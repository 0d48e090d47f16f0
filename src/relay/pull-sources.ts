// All streams that are pulled from other servers, by name.

import type { PullSourceState } from '../contracts/relay.js';
import { PullSource, type PullSourceOptions } from './pull-source.js';

export class PullSources {
  readonly #sources: ReadonlyMap<string, PullSource>;

  /** @throws {SluiceError} `relay.url` */
  constructor(sources: readonly PullSourceOptions[]) {
    this.#sources = new Map(sources.map((source) => [`${source.app}/${source.name}`, new PullSource(source)]));
  }

  open(): void {
    for (const source of this.#sources.values()) source.open();
  }

  /** Somebody asks for this stream. Cheap, because it is called for each request. @returns whether there is such a source */
  demand(app: string, name: string): boolean {
    if (this.#sources.size === 0) return false;
    const source = this.#sources.get(`${app}/${name}`);
    source?.demand();
    return source !== undefined;
  }

  list(): readonly PullSourceState[] {
    return [...this.#sources.values()].map((source) => source.state);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sources.values()].map((source) => source.close()));
  }
}
