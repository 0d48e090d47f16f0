// A site whose members may watch: they log in here and get a page with a player and their own token. The gateway runs beside this site with the same
// secret, and sends no requests to it.
import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';
import Fastify from 'fastify';
import { createPlayToken, SigningKeys } from 'sluice';

const gateway = 'http://localhost:8080';
const stream = 'live/show';
const keys = new SigningKeys([Buffer.from(process.env.SLUICE_PLAY_SECRETS ?? '')]);
/** Lifetime of a token in seconds. After this time a former member can no longer watch. The page of a member fetches a new token before. */
const LIFETIME = 300;
const SESSION = 'session';

/** The members. A real site would use its database. */
const salt = randomBytes(16);
const members = new Map([['ada', scryptSync('correct horse', salt, 32)]]);
/** Logged-in members by session cookie. */
const sessions = new Map();

function isRight(name, password) {
  // Also computed for an unknown name, so that the response time does not show who is a member.
  const hash = scryptSync(password, salt, 32);
  return timingSafeEqual(hash, members.get(name) ?? randomBytes(32));
}

const sessionOf = ({ headers: { cookie = '' } }) => /(?:^|; )session=([\w-]+)/.exec(cookie)?.[1];
const memberOf = (request) => sessions.get(sessionOf(request));

function tokenFor(name) {
  // The session is the member's name: `sluice revoke` ends all that this member watches.
  const until = Math.floor(Date.now() / 1000) + LIFETIME;
  return createPlayToken({ stream, until, sid: name }, keys);
}

const page = (body) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Club</title>${body}</html>`;

const LOGIN = page(`
  <form method="post" action="/login">
    <label>Name <input name="name" autocomplete="username"></label>
    <label>Password <input name="password" type="password" autocomplete="current-password"></label>
    <button>Log in</button>
  </form>`);

const watchPage = (token) =>
  page(`
  <iframe src="${gateway}/embed/${stream}?token=${token}" width="960" height="540" title="The show"
          allow="autoplay; fullscreen"></iframe>
  <form method="post" action="/logout"><button>Log out</button></form>
  <script type="module">
    const player = document.querySelector('iframe').contentWindow;
    async function renew() {
      const answer = await fetch('/token', { cache: 'no-store' });
      if (answer.ok) player.postMessage({ target: 'sluice', command: 'setToken', value: await answer.text() }, '${gateway}');
    }
    setInterval(renew, ${(LIFETIME * 1000) / 3});
    // After the machine slept, for example.
    addEventListener('message', ({ origin, data }) => {
      if (origin === '${gateway}' && data?.event === 'token-expired') renew();
    });
  </script>`);

const app = Fastify({ bodyLimit: 4096 });
app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
  done(null, new URLSearchParams(body)),
);
// The page contains a token, so it must not be cached, and its URL must not be sent to other sites.
app.addHook('onSend', async (_request, reply) => {
  reply.headers({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
});

app.get('/', async (request, reply) => {
  const name = memberOf(request);
  return reply.type('text/html').send(name === undefined ? LOGIN : watchPage(tokenFor(name)));
});

app.post('/login', async ({ body }, reply) => {
  const name = body?.get('name') ?? '';
  if (!isRight(name, body?.get('password') ?? '')) return reply.code(403).type('text/html').send(LOGIN);
  const session = randomBytes(16).toString('base64url');
  sessions.set(session, name);
  return reply.header('set-cookie', `${SESSION}=${session}; HttpOnly; SameSite=Lax; Path=/`).redirect('/', 303);
});

app.post('/logout', async (request, reply) => {
  sessions.delete(sessionOf(request));
  return reply.redirect('/', 303);
});

app.get('/token', async (request, reply) => {
  const name = memberOf(request);
  return name === undefined ? reply.code(401).send('log in first') : tokenFor(name);
});

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close());

await app.listen({ port: 3000 });
process.stdout.write(`open http://localhost:${app.server.address().port}/\n`);
