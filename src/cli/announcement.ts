// What a person needs at start: what to paste into the encoder, and where to watch. The only place where the generated key is shown.

import type { PublishKey } from '../access/publish-key.js';

export interface AnnouncementFacts {
  /** `rtmp://HOST:PORT/APP` */
  readonly rtmp: string;
  /** Where viewers find the HTTP server, without a slash at the end. */
  readonly http: string;
  readonly publishKey: PublishKey;
  /** Name of the demo stream when it runs. */
  readonly demo?: string;
}

export function announcement({ rtmp, http, publishKey, demo }: AnnouncementFacts): string {
  const lines = demo === undefined ? publishing(rtmp, publishKey) : [];
  // The application is a part of both addresses.
  const watch = `${http}/watch${new URL(rtmp).pathname}/`;
  const stream = demo ?? `NAME   (all streams: ${http}/)`;
  return `\n${[...lines, `  Watch:      ${watch}${stream}`].join('\n')}\n\n`;
}

function publishing(rtmp: string, { key, origin, path }: PublishKey): string[] {
  const lines = ['  Paste into OBS (Settings > Stream > Service: Custom), with a NAME of your choice:'];
  lines.push(`  Server:     ${rtmp}`);
  switch (origin) {
    case 'open':
      lines.push('  Stream Key: NAME   (publishing is open to everyone who can reach this port)');
      break;
    case 'configured':
      // Whoever configured it knows it, and start-up output often ends in a log.
      lines.push('  Stream Key: NAME?key=SECRET   (SECRET: the publish key you configured)');
      break;
    case 'generated':
    case 'kept':
      lines.push(`  Stream Key: NAME?key=${key}`);
      lines.push(`  The key is kept in ${path}; whoever has it can publish.`);
      break;
  }
  return lines;
}
