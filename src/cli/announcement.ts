// What a person needs at start: what to paste into the encoder, and where to watch. The only place where the generated key is shown.

import type { PublishKey } from '../access/publish-key.js';

export interface AnnouncementFacts {
  /** `rtmp://HOST:PORT/APP` */
  readonly rtmp: string;
  /** `rtmps://HOST:PORT/APP` when it is on. */
  readonly rtmps?: string | undefined;
  /** Users are configured, and encoders are asked for one when they connect. */
  readonly asksForUser?: boolean;
  /** Where viewers find the HTTP server, without a slash at the end. */
  readonly http: string;
  readonly publishKey: PublishKey;
  /** Name of the demo stream when it runs. */
  readonly demo?: string;
}

export function announcement(facts: AnnouncementFacts): string {
  const { rtmp, http, demo } = facts;
  const lines = demo === undefined ? publishing(facts) : [];
  // The application is a part of both addresses.
  const watch = `${http}/watch${new URL(rtmp).pathname}/`;
  const stream = demo ?? `NAME   (all streams: ${http}/)`;
  lines.push(`  Watch:      ${watch}${stream}`);
  if (new URL(rtmp).hostname === 'localhost') {
    lines.push("  From other machines, write this machine's address where localhost stands.");
  }
  return `\n${lines.join('\n')}\n\n`;
}

function publishing({ rtmp, rtmps, publishKey, asksForUser = false }: AnnouncementFacts): string[] {
  const { key, origin, path } = publishKey;
  const lines = ['  Paste into OBS (Settings > Stream > Service: Custom), with a NAME of your choice:'];
  lines.push(`  Server:     ${rtmp}`);
  if (rtmps !== undefined) lines.push(`  encrypted:  ${rtmps}`);
  if (asksForUser) {
    lines.push('  Stream Key: NAME   with "Use authentication": a user of the configuration and the password');
    if (origin === 'generated' || origin === 'kept') lines.push(`  or, without a user, the Server ${rtmp}?key=${key}`);
    if (origin === 'configured')
      lines.push(`  or, without a user, the Server ${rtmp}?key=SECRET   (SECRET: the publish key)`);
    return lines;
  }
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
