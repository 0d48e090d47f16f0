// CloudFront function (viewer request, runtime cloudfront-js-2.0) for streams that need a ticket (playAccess: token): it checks the ticket and
// removes it from the path, so that all viewers share one cache entry. docs/cdn.md describes the settings of the distribution.
const crypto = require('node:crypto');

// playSecrets of the gateway, one of its edgeSecrets, and its clockSkew in seconds.
const PLAY_SECRETS = ['REPLACE-THIS-BY-ONE-OF-playSecrets'];
const EDGE_SECRET = 'REPLACE-THIS-BY-ONE-OF-edgeSecrets';
const SKEW = 30;

const MEDIA = /^\/hls\/(?:(~|%7[Ee])([^/]*)\/)?([\w.-]+)\/([\w.-]+)\/([\w.-]+\/[\w.-]+)$/;
// With a maximum height of the picture: only the gateway knows how tall renditions are.
const CAPPED = /^1[\w-]{4}\.[0-9a-z]{1,8}\.[\w-]{1,32}\.[0-9]{1,4}[sa][\w-]{22}$/;
const TICKET = /^1([\w-]{4})\.([0-9a-z]{1,8})\.([\w-]{1,32})\.([sa])([\w-]{22})$/;

function base64url(hex) {
  return Buffer.from(hex, 'hex').toString('base64url');
}

function keyId(secret) {
  const hash = crypto.createHash('sha256').update(`sluice key id\n${secret}`).digest('hex');
  return base64url(hash).slice(0, 4);
}

// The first 16 bytes of HMAC-SHA256.
function macOf(secret, text) {
  return base64url(crypto.createHmac('sha256', secret).update(text).digest('hex').slice(0, 32));
}

// Takes the same time for all texts of the same length.
function same(a, b) {
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

// Why a ticket (without its ~) is not valid for a stream; undefined if it is.
function faultOf(ticket, app, name) {
  const match = ticket.length > 95 ? null : TICKET.exec(ticket);
  if (match === null) return 'access.play-denied';
  const scope = match[4] === 's' ? `${app}/${name}` : `${app}/`;
  const signed = `~${ticket.slice(0, -22)}\n${scope}`;
  let isGenuine = false;
  for (const secret of PLAY_SECRETS) {
    if (keyId(secret) === match[1] && same(macOf(secret, signed), match[5])) isGenuine = true;
  }
  if (!isGenuine) return 'access.play-denied';
  return Date.now() / 1000 > parseInt(match[2], 36) + SKEW ? 'access.play-expired' : undefined;
}

function refuse(status, code) {
  return {
    statusCode: status,
    statusDescription: status === 401 ? 'Unauthorized' : 'Forbidden',
    headers: {
      'content-type': { value: 'application/json; charset=utf-8' },
      'cache-control': { value: 'no-store' },
      'access-control-allow-origin': { value: '*' },
    },
    body: JSON.stringify({ code: code, message: 'this link does not allow to watch the stream, or its time is over' }),
  };
}

// biome-ignore lint/correctness/noUnusedVariables: CloudFront calls it by this name.
function handler(event) {
  const request = event.request;
  // Replaces any header of this name that a viewer sends.
  request.headers['x-sluice-edge'] = { value: EDGE_SECRET };
  if (request.uri.startsWith('/edge/')) return refuse(403, 'http.edge-only');
  const match = MEDIA.exec(request.uri);
  // Entries and pages: the gateway checks tokens and tickets itself.
  if (match === null) return request;
  // Cached media must not be sent to viewers without a ticket.
  if (match[1] === undefined) return refuse(401, 'access.play-required');
  if (CAPPED.test(match[2])) return request;
  const fault = faultOf(match[2], match[3], match[4]);
  if (fault !== undefined) return refuse(403, fault);
  request.uri = `/hls/${match[3]}/${match[4]}/${match[5]}`;
  request.headers['x-sluice-edge'] = { value: `${EDGE_SECRET} checked` };
  delete request.querystring.token;
  delete request.querystring.jwt;
  return request;
}
