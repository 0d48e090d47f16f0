// The text for a person at the start: what to paste into the encoder, and where to watch. It is no log record and goes to stderr, because
// it is the only place where the generated key is shown.

import type { PublishKey } from '../access/publish-key.js';

export interface AnnouncementFacts {
  /** `rtmp://HOST:PORT/APP` */
  readonly rtmp: string;
  /** `rtmps://HOST:PORT/APP` if RTMPS is enabled. */
  readonly rtmps?: string | undefined;
  /** Whether users are configured. */
  readonly users?: boolean;
  /** Whether encoders without user or key in the server URL are asked for a user when they connect. */
  readonly asksForUser?: boolean;
  /** URL of the admin listener, if there is one. */
  readonly admin?: string | undefined;
  /** URL of the HTTP server, without a trailing slash. */
  readonly http: string;
  readonly publishKey: PublishKey;
  /** Whether viewers need a token. */
  readonly isProtected?: boolean;
  /** Name of the demo stream if it runs. */
  readonly demo?: string;
}

export function announcement(facts: AnnouncementFacts): string {
  const { rtmp, http, demo } = facts;
  const lines = demo === undefined ? publishing(facts) : [];
  // Both addresses contain the application name.
  const watch = `${http}/watch${new URL(rtmp).pathname}/`;
  const stream = demo ?? `NAME   (all streams: ${http}/)`;
  lines.push(`  Watch:      ${watch}${stream}`);
  if (facts.isProtected === true) {
    const example = `${new URL(rtmp).pathname.slice(1)}/${demo ?? 'NAME'}`;
    lines.push(
      `  Viewers need a link (playAccess: token): sluice sign ${example}, with the --config or flags of this gateway`,
    );
  }
  if (facts.admin !== undefined) {
    lines.push(`  Manage:     ${facts.admin}/api/v1/docs   (with a token: sluice token add --role admin)`);
  }
  if (new URL(rtmp).hostname === 'localhost') {
    lines.push("  From other machines, write this machine's address where localhost stands.");
  }
  return `\n${lines.join('\n')}\n\n`;
}

function publishing({ rtmp, rtmps, publishKey, users = false, asksForUser = false }: AnnouncementFacts): string[] {
  const { origin, path } = publishKey;
  const lines = ['  Paste into OBS (Settings > Stream > Service: Custom), with a NAME of your choice:'];
  lines.push(`  Server:     ${rtmp}`);
  if (rtmps !== undefined) lines.push(`  encrypted:  ${rtmps}`);
  // A person who has configured a key knows it, and this output often ends up in a log.
  const key = origin === 'configured' ? 'SECRET' : publishKey.key;
  const secret = origin === 'configured' ? '   (SECRET: the publish key you configured)' : '';
  if (users) {
    lines.push(
      asksForUser
        ? '  Stream Key: NAME   with "Use authentication": a user of the configuration and the password'
        : '  Stream Key: NAME?user=USER&pass=PASSWORD   (a user of the configuration)',
    );
    // Encoders that are asked for a user when they connect never send the query of their stream key.
    if (origin !== 'open' && asksForUser) lines.push(`  or, without a user, the Server ${rtmp}?key=${key}${secret}`);
    if (origin !== 'open' && !asksForUser) lines.push(`  or, without a user, the Stream Key NAME?key=${key}${secret}`);
  } else if (origin === 'open') {
    lines.push('  Stream Key: NAME   (publishing is open to everyone who can reach this port)');
  } else {
    lines.push(`  Stream Key: NAME?key=${key}${secret}`);
  }
  if (origin === 'generated' || origin === 'kept') {
    lines.push(`  The key is kept in ${path}; whoever has it can publish.`);
  }
  return lines;
}
