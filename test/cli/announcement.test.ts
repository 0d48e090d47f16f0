// The lines to paste into an encoder must work on the encoder's machine, and must not show a key that the operator has chosen.
import { describe, expect, it } from 'vitest';
import { announcement } from '../../src/cli/announcement.js';

const LOCAL = { rtmp: 'rtmp://localhost:1935/live', http: 'http://localhost:8080' };

describe('announcement', () => {
  it('says how other machines reach a gateway that listens on all addresses', () => {
    const text = announcement({ ...LOCAL, publishKey: { key: 'abc', origin: 'generated', path: '/k' } });
    expect(text).toBe(`
  Paste into OBS (Settings > Stream > Service: Custom), with a NAME of your choice:
  Server:     rtmp://localhost:1935/live
  Stream Key: NAME?key=abc
  The key is kept in /k; whoever has it can publish.
  Watch:      http://localhost:8080/watch/live/NAME   (all streams: http://localhost:8080/)
  From other machines, write this machine's address where localhost stands.

`);
  });

  it('says that viewers need a link, and how to make one', () => {
    const publishKey = { key: 'abc', origin: 'generated', path: '/k' } as const;
    const text = announcement({ ...LOCAL, publishKey, isProtected: true });
    expect(text).toContain(
      'Viewers need a link (playAccess: token): sluice sign live/NAME, with the --config or flags',
    );
    expect(announcement({ ...LOCAL, publishKey, isProtected: false })).not.toContain('sluice sign');
    expect(announcement({ ...LOCAL, publishKey, isProtected: true, demo: 'demo' })).toContain('sluice sign live/demo,');
  });

  it('does not if it listens on one address', () => {
    const rtmp = 'rtmp://192.0.2.1:1935/live';
    const text = announcement({ rtmp, http: 'https://tv.example', publishKey: { key: null, origin: 'open' } });
    expect(text).toContain(`Server:     ${rtmp}\n`);
    expect(text).not.toContain('other machines');
  });

  it.each<[string, Partial<Parameters<typeof announcement>[0]>, string[]]>([
    [
      'users beside a generated key',
      { users: true, asksForUser: true, publishKey: { key: 'abc', origin: 'generated', path: '/k' } },
      [
        'Stream Key: NAME   with "Use authentication": a user of the configuration and the password',
        'or, without a user, the Server rtmp://localhost:1935/live?key=abc',
        'The key is kept in /k; whoever has it can publish.',
      ],
    ],
    [
      'users beside a configured key',
      { users: true, asksForUser: true, publishKey: { key: 'abc', origin: 'configured' } },
      [
        'Stream Key: NAME   with "Use authentication": a user of the configuration and the password',
        'or, without a user, the Server rtmp://localhost:1935/live?key=SECRET   (SECRET: the publish key you configured)',
      ],
    ],
    [
      'users beside a key, and nobody is asked at connect',
      { users: true, publishKey: { key: 'abc', origin: 'kept', path: '/k' } },
      [
        'Stream Key: NAME?user=USER&pass=PASSWORD   (a user of the configuration)',
        'or, without a user, the Stream Key NAME?key=abc',
        'The key is kept in /k; whoever has it can publish.',
      ],
    ],
    [
      'users alone',
      { users: true, asksForUser: true, publishKey: { key: null, origin: 'open' } },
      ['Stream Key: NAME   with "Use authentication": a user of the configuration and the password'],
    ],
    [
      'users alone, and nobody is asked at connect',
      { users: true, publishKey: { key: null, origin: 'open' } },
      ['Stream Key: NAME?user=USER&pass=PASSWORD   (a user of the configuration)'],
    ],
  ])('says how to publish with %s', (_, facts, lines) => {
    const text = announcement({ ...LOCAL, publishKey: { key: null, origin: 'open' }, ...facts });
    const start = text.indexOf('Stream Key');
    expect(
      text
        .slice(start, text.indexOf('  Watch:'))
        .trim()
        .split('\n')
        .map((line) => line.trim()),
    ).toEqual(lines);
    expect(text).not.toContain('open to everyone');
  });
});
