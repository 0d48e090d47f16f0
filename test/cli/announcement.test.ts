// What a person pastes into an encoder must work where the encoder runs, and name no secret that the person has chosen.
import { describe, expect, it } from 'vitest';
import { announcement } from '../../src/cli/announcement.js';

const LOCAL = { rtmp: 'rtmp://localhost:1935/live', http: 'http://localhost:8080' };

describe('announcement', () => {
  it('says how other machines reach a gateway that listens everywhere', () => {
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

  it('does not where it has an address', () => {
    const rtmp = 'rtmp://192.0.2.1:1935/live';
    const text = announcement({ rtmp, http: 'https://tv.example', publishKey: { key: null, origin: 'open' } });
    expect(text).toContain(`Server:     ${rtmp}\n`);
    expect(text).not.toContain('other machines');
  });
});
