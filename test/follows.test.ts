// Every test with a live stream also follows all its playlists, so that no violation of B1 to B3 goes unnoticed.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const tests = dirname(fileURLToPath(import.meta.url));

/** Tests that import these files have a gateway with a live stream. */
const GATEWAY = /from '\.\.?\/(?:support\/)?(?:gateway|gateway-process)\.js'/;

/** Calls that check playlists against the rules; all of them use `PlaylistChecker`. */
const FOLLOWS = /\b(?:followStream|recordStream|recordRendition|new PlaylistChecker)\(/;

/** Tests whose streams have no playlists, or whose playlists are not the subject. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'e2e/admin.test.ts': 'nothing is published',
  'faults/fatal.test.ts': 'its stream ends with the process, as soon as it is live',
  'faults/seams-beside.test.ts': 'what fails there is the gateway around its streams, mostly before or after them',
  'faults/seams-connections.test.ts':
    'connections are what is made to fail, with the follower of its neighbour beside them',
  'faults/seams-http.test.ts': 'the answers with its playlists are what is made to fail',
  'faults/storage.test.ts':
    'segments that are gone leave the middle of its playlists, which no stream with a whole disk does',
  'integration/access-matrix.test.ts':
    'publishers and viewers that are accepted or refused, mostly before there is a segment',
  'integration/address-rules.test.ts': 'publishers and viewers that are mostly refused',
  'integration/admin.test.ts': 'its publishers and viewers are ended by an operator as soon as they are listed',
  'integration/encoder-proofs.test.ts': 'publishers that are let in or refused, and end before there is a segment',
  'integration/first-picture.test.ts': 'its stream is over with the first picture of its player',
  'integration/jwt.test.ts': 'publishers that are let in and ended before there is a segment',
  'integration/publish-keys.test.ts': 'publishers that are let in and ended, mostly before there is a segment',
  'integration/rtmp-viewers.test.ts': 'viewers by RTMP, of publishers that mostly leave before there is a segment',
  'integration/thumbnails.test.ts': 'one picture of a publisher that is killed as soon as there is one',
  'integration/webhook.test.ts': 'publishers that are let in, renamed or refused, mostly before there is a segment',
};

it('B1 B2 B3 end-to-end, fault and integration tests follow the playlists of their streams', () => {
  const files = ['e2e', 'faults', 'integration'].flatMap((room) =>
    readdirSync(join(tests, room))
      .filter((file) => file.endsWith('.test.ts'))
      .map((file) => `${room}/${file}`),
  );
  const live = files.filter((file) => GATEWAY.test(readFileSync(join(tests, file), 'utf8')));
  const blind = live.filter((file) => !FOLLOWS.test(readFileSync(join(tests, file), 'utf8')));
  expect(live.length).toBeGreaterThan(15);
  expect(blind).toEqual(Object.keys(EXCEPTIONS));
});
