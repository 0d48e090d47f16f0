// The files of deploy/ other than plain edges, each run by its program: a file that does not start is useless.
import { readFileSync } from 'node:fs';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { hashPassword } from '../../src/access/password-hash.js';
import { loadConfig } from '../../src/config/load-config.js';
import { writeCertificate } from '../support/certificate.js';
import { eventually } from '../support/hls-client.js';
import { absentPeer, CADDY, NGINX, SYSTEMD_ANALYZE } from '../support/peers.js';
import { runProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { deployedFile, freePort, startEdge } from './edges.js';
import { serveLiveOrigin } from './live-origin.js';

interface Page {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

function fetchPage(port: number, path: string, host: string, { tls = false } = {}): Promise<Page> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, agent: false, headers: { host }, servername: host };
    const request = (tls ? getHttps : getHttp)({ ...options, rejectUnauthorized: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, location: answer.headers.location, body });
      });
    });
    request.on('error', reject);
  });
}

/** What viewers need below `prefix`: pages and everything they load, the API, playlists and media; and what they must not get. */
async function expectService(get: (path: string) => Promise<Page>, prefix: string): Promise<void> {
  const watch = await get(`${prefix}/watch/live/show`);
  expect(watch.status).toBe(200);
  const base = new URL(/<base href="([^"]+)"/.exec(watch.body)?.[1] ?? '', `http://x${prefix}/watch/live/show`);
  const assets = [...watch.body.matchAll(/(?:src|href)="([^"]+\.(?:js|css|svg))"/g)].map(([, path = '']) => path);
  expect(assets.length).toBeGreaterThan(1);
  for (const asset of assets) expect((await get(new URL(asset, base).pathname)).status, asset).toBe(200);
  expect((await get(`${prefix}/`)).body).toContain('<title>');
  expect(JSON.parse((await get(`${prefix}/api/v1/streams`)).body)).toMatchObject({ streams: [] });
  const playlist = await get(`${prefix}/hls/live/show/v/index.m3u8`);
  expect(playlist.body).toContain('URI="part-0.m4s"');
  expect((await get(`${prefix}/hls/live/show/v/part-0.m4s`)).status).toBe(200);
  expect((await get(`${prefix}/metrics`)).status).toBe(404);
}

/** nginx with only these servers, started by root or by anybody else. */
async function startNginx(directory: string, servers: string, port: number): Promise<void> {
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${directory}/${kind};`,
  );
  await mkdir(`${directory}/cache`);
  await writeFile(
    `${directory}/nginx.conf`,
    `${process.getuid?.() === 0 ? 'user root;' : ''} daemon off; pid ${directory}/pid; error_log ${directory}/error.log;
     events { worker_connections 64; } http { access_log off; ${temp.join(' ')} ${servers} }`,
  );
  await startEdge(NGINX, ['-c', `${directory}/nginx.conf`, '-e', `${directory}/error.log`], port);
}

/** Replaces texts that depend on the machine. Throws if a text does not occur. */
function replaced(text: string, replacements: Readonly<Record<string, string>>): string {
  let result = text;
  for (const [from, to] of Object.entries(replacements)) {
    expect(result).toContain(from);
    result = result.replaceAll(from, to);
  }
  return result;
}

describe.skipIf(absentPeer(NGINX))('nginx', () => {
  it.each(['nginx-edge.conf', 'nginx-edge-lua.conf', 'nginx-edge-tls.conf'])(
    '%s keeps its cache where every system has the directory above',
    (file) => {
      expect(/^proxy_cache_path (\S+)/m.exec(deployedFile(file))?.[1]).toBe('/var/cache/sluice');
    },
  );

  it('nginx-edge-tls.conf serves over TLS, and redirects plain HTTP', async () => {
    const [directory, { port: origin }] = await Promise.all([temporaryDirectory(), serveLiveOrigin()]);
    const { cert, key } = await writeCertificate(directory);
    const [port, plainPort] = [await freePort(), await freePort()];
    const servers = replaced(deployedFile('nginx-edge-tls.conf'), {
      '/var/cache/sluice': `${directory}/cache`,
      '127.0.0.1:8080': `127.0.0.1:${origin}`,
      'listen 80;': `listen 127.0.0.1:${plainPort};`,
      'listen 443 ssl': `listen 127.0.0.1:${port} ssl`,
      '/etc/letsencrypt/live/live.example.com/fullchain.pem': cert,
      '/etc/letsencrypt/live/live.example.com/privkey.pem': key,
    });
    await startNginx(directory, servers, plainPort);
    const moved = await fetchPage(plainPort, '/watch/live/show', 'live.example.com');
    expect(moved).toMatchObject({ status: 301, location: 'https://live.example.com/watch/live/show' });
    await expectService((path) => fetchPage(port, path, 'live.example.com', { tls: true }), '');
  });

  it('nginx-edge-tls.conf caches as nginx-edge.conf does', () => {
    const directives = (file: string): string[] =>
      deployedFile(file)
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '' && !line.startsWith('#') && !/^listen /.test(line));
    expect(directives('nginx-edge-tls.conf')).toEqual(expect.arrayContaining(directives('nginx-edge.conf')));
  });

  it('nginx-subpath.conf serves everything below a path of another site', async () => {
    const [directory, { port: origin }, port] = await Promise.all([
      temporaryDirectory(),
      serveLiveOrigin(),
      freePort(),
    ]);
    const snippet = replaced(deployedFile('nginx-subpath.conf'), { '127.0.0.1:8080': `127.0.0.1:${origin}` });
    const site = `server { listen 127.0.0.1:${port}; location / { return 200 "the site"; } ${snippet} }`;
    await startNginx(directory, site, port);
    const get = (path: string): Promise<Page> => fetchPage(port, path, 'www.example.com');
    expect((await get('/watch/live/show')).body).toBe('the site');
    expect((await get('/video')).location).toMatch(/\/video\/$/);
    await expectService(get, '/video');
  });
});

describe.skipIf(absentPeer(CADDY))('Caddy', () => {
  /** Uses Caddy's internal certificate authority, because no public one would issue a certificate for this name. */
  async function startCaddy(file: string): Promise<number> {
    const [directory, { port: origin }] = await Promise.all([temporaryDirectory(), serveLiveOrigin()]);
    const [port, plainPort] = [await freePort(), await freePort()];
    const global = `{\n admin off\n skip_install_trust\n auto_https disable_redirects\n local_certs\n http_port ${plainPort}\n https_port ${port}\n}\n`;
    const probe = `http://127.0.0.1:${plainPort} {\n respond ok\n}\n`;
    await writeFile(`${directory}/Caddyfile`, `${global}${deployedFile(file)}${probe}`);
    const run = [`HOME=${directory}`, `XDG_DATA_HOME=${directory}`, `XDG_CONFIG_HOME=${directory}`];
    const site = ['SLUICE_SITE=live.example.com', `SLUICE_UPSTREAM=127.0.0.1:${origin}`];
    const caddy = [CADDY, 'run', '--config', `${directory}/Caddyfile`, '--adapter', 'caddyfile'];
    await startEdge('/usr/bin/env', [...run, ...site, ...caddy], plainPort);
    // Caddy makes its certificate only after it has started.
    await eventually(() =>
      fetchPage(port, '/healthz', 'live.example.com', { tls: true }).then(
        () => true as const,
        () => undefined,
      ),
    );
    return port;
  }

  it.each([
    ['Caddyfile', ''],
    ['Caddyfile.subpath', '/video'],
  ])('%s serves over TLS below "%s"', async (file, prefix) => {
    const port = await startCaddy(file);
    await expectService((path) => fetchPage(port, path, 'live.example.com', { tls: true }), prefix);
  });
});

describe('systemd', () => {
  it.skipIf(absentPeer(SYSTEMD_ANALYZE))('accepts sluice.service without a warning', async () => {
    const path = `${await temporaryDirectory()}/sluice.service`;
    await writeFile(path, deployedFile('sluice.service'));
    expect((await runProgram(SYSTEMD_ANALYZE, ['verify', '--man=no', path])).stderr).toBe('');
  });
});

it('sluice.yaml is a configuration', async () => {
  const path = `${await temporaryDirectory()}/sluice.yaml`;
  // Adds a user as `hash-password` does, because without users the gateway must refuse to start.
  await writeFile(path, deployedFile('sluice.yaml'));
  expect(() => loadConfig({ argv: ['--config', path], env: {} })).toThrow(/users: no value/);
  await appendFile(path, `  - name: anna\n    hash: ${hashPassword('anna', 'secret')}\n`);
  expect(loadConfig({ argv: ['--config', path], env: {} })).toMatchObject({
    mediaDir: '/var/lib/sluice/media',
    stateDir: '/var/lib/sluice/state',
    publicUrl: 'https://live.example.com',
  });
});

it('compose.yaml gives the gateway options that exist, and Caddy the file beside it', () => {
  const { services, volumes } = parse(deployedFile('compose.yaml'));
  const { environment, ports } = services.sluice;
  expect(ports).toEqual(['1935:1935']);
  expect(loadConfig({ argv: [], env: environment })).toMatchObject({ trustedProxies: ['172.16.0.0/12'] });
  expect(services.caddy.volumes).toContain('./Caddyfile:/etc/caddy/Caddyfile:ro');
  for (const variable of Object.keys(services.caddy.environment)) {
    expect(deployedFile('Caddyfile')).toContain(`{$${variable}:`);
  }
  expect(Object.keys(volumes)).toEqual(['sluice', 'caddy']);
});

it('the image reaps zombies of FFmpegs, which Node as process 1 does not', () => {
  const dockerfile = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8');
  expect(dockerfile).toMatch(/^ENTRYPOINT \["tini", "--", "node", /m);
  expect(dockerfile).toMatch(/^COPY scripts /m);
});
