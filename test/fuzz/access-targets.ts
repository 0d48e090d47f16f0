// Parsers of the proofs of viewers, which read input of unauthenticated clients.
import { allows, optionsIn } from '../../src/access/jwt/permissions.js';
import { createPlayToken, readPlayToken, verifyPlayToken } from '../../src/access/tickets/play-token.js';
import { SigningKeys } from '../../src/access/tickets/signing-keys.js';
import { createTicket, MAX_TICKET_LENGTH, verifyTicket } from '../../src/access/tickets/ticket.js';
import type { RawRequest } from '../../src/servers/http/delivery/exchange.js';
import { parseTarget, takeTicket, ticketOf } from '../../src/servers/http/delivery/target.js';
import { maskedPath } from '../../src/servers/http/request-path.js';
import { ensure, type FuzzTarget, text } from './target.js';

const keys = new SigningKeys(['1', '2'].map((digit) => Buffer.alloc(32, digit)));
const old = new SigningKeys([Buffer.alloc(32, '2')]);
const NOW = 1_800_000_000;
const STREAM = { app: 'live', name: 'cam' };

const TICKETS = [keys, old].flatMap((signing) =>
  [NOW + 60, NOW - 60, 1].flatMap((until) => [
    createTicket({ sid: 'session-1', until }, STREAM, signing),
    createTicket({ sid: 'S', until }, { app: 'live', name: undefined }, signing),
  ]),
);

export const ticketTarget: FuzzTarget = {
  name: 'ticket',
  seeds: text(...TICKETS),
  dictionary: text('~1', '~', '.s', '.a', '%7E', '-', '_', '\0', '\n', 'live/', '0'.repeat(22)),
  maxBytes: 128,
  run(input) {
    const ticket = input.toString('latin1');
    const result = verifyTicket(ticket, STREAM, keys, NOW * 1000, 30);
    if (!result.ok && result.fault === 'forged') return;
    // A MAC of 128 bits cannot be guessed, so every accepted ticket must be one that we have made.
    ensure(TICKETS.includes(ticket), 'no ticket is genuine but those that were made');
    ensure(ticket.length <= MAX_TICKET_LENGTH, 'a ticket has a bounded length');
    ensure(result.ok || result.fault === 'expired', 'a genuine ticket is good, or its time is over');
  },
};

const CLAIMS = [
  { stream: 'live/cam', until: NOW + 60, sid: 'session-1' },
  { stream: 'live/*', until: NOW + 60, start_by: NOW - 60, not_before: NOW - 120, sid: 'S' },
  { stream: 'live/cam', until: 0, sid: 'over' },
];
const TOKENS = CLAIMS.flatMap((claims) => [createPlayToken(claims, keys), createPlayToken(claims, old)]);
const UNSIGNED = '\0';

/** A token; or after a zero byte a payload, which is signed first, so that the fuzzer reaches the claims. */
export const playTokenTarget: FuzzTarget = {
  name: 'play-token',
  seeds: [...text(...TOKENS), ...text(...CLAIMS.map((claims) => `${UNSIGNED}${JSON.stringify(claims)}`))],
  dictionary: text(
    'v1.',
    '"stream":',
    '"until":',
    '"start_by":',
    '"not_before":',
    '"sid":',
    'live/*',
    '..',
    '1e99',
    '-1',
    '__proto__',
  ),
  maxBytes: 1_200,
  run(input) {
    const given = input.toString('latin1');
    const isUnsigned = given.startsWith(UNSIGNED);
    const signed = `v1.${keys.current}.${input.subarray(1).toString('base64url')}`;
    const token = isUnsigned ? `${signed}.${keys.sign(signed).toString('base64url')}` : given;
    const claims = verifyPlayToken(token, keys);
    const read = readPlayToken(token, keys, NOW * 1000, 30);
    ensure(claims !== undefined || (!read.ok && read.fault === 'forged'), 'both readers agree on what is forged');
    if (claims === undefined) return;
    ensure(isUnsigned || TOKENS.includes(token), 'no token is genuine but those that were made');
    ensure(/^[\w.-]{1,255}\/(?:\*|[\w.-]{1,255})$/.test(claims.stream), 'a stream is a safe name');
    ensure(Number.isSafeInteger(claims.until) && claims.until >= 0, 'an end is a time');
    ensure(claims.sid === undefined || /^[\w-]{1,32}$/.test(claims.sid), 'a session id fits into a ticket');
    ensure(!read.ok || claims.until + 30 >= NOW, 'nothing is accepted after its end');
  },
};

/** A request line, and everything derived from it before access is checked. */
export const requestTarget: FuzzTarget = {
  name: 'request-target',
  seeds: text(
    `/hls/${TICKETS[0]}/live/cam/source/index.m3u8?_HLS_msn=3&_HLS_part=1`,
    `/hls/${TICKETS[1]}/live/cam/source/seg-1.m4s`,
    `/dash/${TICKETS[0]}/live/cam/manifest.mpd`,
    `/vod/${TICKETS[0]}/abc/index.m3u8`,
    `/hls/%7E1abc/live/cam/index.m3u8?token=${TOKENS[0]}`,
    `/watch/live/cam?token=${TOKENS[0]}`,
  ),
  dictionary: text(
    '~',
    '%7E',
    '%257E',
    '..',
    './',
    '//',
    '?',
    '&',
    '#',
    '%00',
    'token=',
    '_HLS_skip=YES',
    '/hls/',
    'v1.',
    'eyJ',
  ),
  maxBytes: 2_100,
  run(input) {
    const url = input.toString('latin1');
    const request = { url } as RawRequest;
    const rest = takeTicket(request);
    const ticket = ticketOf(request);
    ensure(ticket === undefined ? rest === url : /^~[\w.~-]*$/.test(ticket), 'a ticket has safe characters only');
    ensure(rest.length <= url.length, 'a ticket is taken out, and nothing is put in');
    const target = parseTarget(rest);
    if (target !== undefined) {
      for (const name of [target.app, target.name])
        ensure(/^[\w.-]{1,255}$/.test(name) && !/^\.{1,2}$/.test(name), 'a name is safe');
      ensure(!target.key.split('?', 1)[0]?.includes('~'), 'no ticket is in a key of the cache');
      ensure(parseTarget(rest)?.key === target.key, 'a target has one key');
    }
    const masked = maskedPath({ url });
    for (const secret of [...TICKETS, ...TOKENS]) ensure(!masked.includes(secret.slice(3)), 'a log names no secret');
    ensure(masked.length <= 256, 'what is logged is bounded');
  },
};

/** The payload of a JWT with a valid signature, whose claims must still be checked. */
export const jwtClaimsTarget: FuzzTarget = {
  name: 'jwt-claims',
  seeds: text(
    '{"sluice":{"play":["live/cam"],"publish":["live/*"],"title":"A"},"max_height":480}',
    '{"mediamtx_permissions":[{"action":"read","path":"live/cam"},{"action":"publish","path":"~^live/"}]}',
    '{"sluice":["{\\"action\\":\\"read\\",\\"path\\":\\"~a+b\\"}"]}',
    '{"mediamtx_permissions":"[{\\"action\\":\\"read\\"}]"}',
  ),
  dictionary: text(
    '"sluice":',
    '"play":',
    '"path":"~',
    '(a+)+$',
    '\\\\1',
    '[[',
    'null',
    '{}',
    '[]',
    '"*"',
    '__proto__',
    'live/*',
  ),
  maxBytes: 2_048,
  run(input) {
    let claims: unknown;
    try {
      claims = JSON.parse(input.toString('utf8'));
    } catch {
      return;
    }
    if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return;
    const read = claims as Record<string, unknown>;
    for (const action of ['play', 'publish'] as const)
      ensure(
        typeof allows(read, 'sluice', { action, ...STREAM }) === 'boolean',
        'claims allow something, or they do not',
      );
    const { title = '', maxHeight = 1 } = optionsIn(read, 'sluice');
    ensure(title.length <= 120 && maxHeight > 0, 'options have bounds');
  },
};
