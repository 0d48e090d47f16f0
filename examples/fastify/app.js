// A web application with a live-streaming gateway inside: its own page, its own rule for who publishes, its own rule for who watches.
import Fastify from 'fastify';
import { createGateway, sluiceHttp } from 'sluice';

/** Tokens by the stream that they allow to publish. A real application would use its database. */
const tokens = new Map([['show', 'publish-me']]);
/** Decides who may watch. A real application would check its session. */
const isMember = (request) => /(?:^|; )member=yes(?:;|$)/.test(request.headers.cookie ?? '');

const gateway = await createGateway(
  { rtmpPort: 1935, ladder: ['source', '480p'], logLevel: 'warn' },
  {
    authorizePublish: ({ name, query }) => tokens.get(name) === query.get('token') || 'unknown show or wrong token',
    // RTMP players send no cookie.
    authorizePlay: () => 'watch in the browser',
  },
);
// The gateway needs no HTTP port of its own: this application serves what viewers load.
const { rtmp } = await gateway.start({ http: false });

const app = Fastify({ routerOptions: { maxParamLength: 255 } });

app.get('/', async (_request, reply) =>
  reply
    .header('set-cookie', 'member=yes; HttpOnly; SameSite=Lax; Path=/')
    .type('text/html')
    .send(
      '<!doctype html><title>Club</title><p>Welcome to the club. <a href="/video/watch/live/show">Watch the show</a>',
    ),
);

await app.register(async (members) => {
  // Runs before every page, playlist and segment below /video.
  members.addHook('onRequest', async (request, reply) => {
    if (!isMember(request)) await reply.code(403).send('members only: begin at the front page');
  });
  await members.register(sluiceHttp, { prefix: '/video', ...gateway.httpDependencies() });
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await gateway.close();
    await app.close();
  });
}

await app.listen({ port: 3000 });
process.stdout.write(`publish to ${rtmp}/show?token=…, open http://localhost:${app.server.address().port}/\n`);
