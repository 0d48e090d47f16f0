// Starts comparable servers beside the gateway, each in its own process, if they are installed on this machine.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { root, start, temporaryDirectory } from './measuring.mjs';

const NGINX = '/usr/sbin/nginx';
const RTMP_MODULE = '/usr/lib/nginx/modules/ngx_rtmp_module.so';
/** Milliseconds until a server must answer, or a stream must be playable. */
const DEADLINE = 30_000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Repeats a request until `isThere` accepts the answer.
 * @param over rejects if a program has ended, so that no answer can come
 */
export async function asked(url, isThere, over = new Promise(() => undefined)) {
  const until = performance.now() + DEADLINE;
  let last = 'no answer';
  const asking = (async () => {
    while (performance.now() < until) {
      const response = await fetch(url, { signal: AbortSignal.timeout(DEADLINE) }).catch((error) => {
        last = error.message;
      });
      if (response !== undefined) {
        await response.arrayBuffer();
        if (isThere(response)) return;
        last = `status ${response.status}`;
      }
      await sleep(50);
    }
    throw new Error(`${url}: ${last} after ${DEADLINE / 1000} s`);
  })();
  await Promise.race([asking, over]);
}

/** Starts a server and waits until it answers HTTP. */
async function serve(command, args, httpPort, options = {}) {
  const { child, ended } = start(command, args, options);
  child.stdout.resume();
  const over = ended.then(({ code, stderr }) => {
    throw new Error(`${command} ended with ${code}\n${stderr}`);
  });
  over.catch(() => undefined);
  await asked(`http://127.0.0.1:${httpPort}/`, () => true, over);
  return {
    pid: child.pid,
    async stop() {
      child.kill('SIGTERM');
      const killing = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await ended;
      clearTimeout(killing);
    },
  };
}

/** @param fragment seconds. @returns undefined if nginx or its RTMP module is missing */
export async function startNginxRtmp({ fragment, playlist }) {
  if (!existsSync(NGINX) || !existsSync(RTMP_MODULE)) {
    console.log('nginx-rtmp: not on this machine (Debian packages nginx and libnginx-mod-rtmp)');
    return undefined;
  }
  const directory = temporaryDirectory();
  const [rtmpPort, httpPort] = [await freePort(), await freePort()];
  mkdirSync(join(directory, 'hls'), { mode: 0o777 });
  const configuration = join(directory, 'nginx.conf');
  writeFileSync(
    configuration,
    `load_module ${RTMP_MODULE};
daemon off; master_process off; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/error.log;
events { worker_connections 4096; }
rtmp { server { listen 127.0.0.1:${rtmpPort}; application live { live on; hls on; hls_path ${directory}/hls; hls_fragment ${fragment}s; hls_playlist_length ${playlist}s; } } }
http { access_log off; types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
  client_body_temp_path ${directory}/t1; proxy_temp_path ${directory}/t2; fastcgi_temp_path ${directory}/t3; uwsgi_temp_path ${directory}/t4; scgi_temp_path ${directory}/t5;
  server { listen 127.0.0.1:${httpPort}; location / { root ${directory}/hls; add_header Access-Control-Allow-Origin * always; add_header Cache-Control no-cache; } } }
`,
  );
  const server = await serve(NGINX, ['-c', configuration, '-p', directory], httpPort);
  return {
    ...server,
    rtmp: { host: '127.0.0.1', port: rtmpPort, app: 'live' },
    playlist: (name) => `http://127.0.0.1:${httpPort}/${name}.m3u8`,
  };
}

/** Starts MediaMTX with its default options, except for ports and servers that are not measured. @returns undefined if it is not on PATH */
export async function startMediaMtx(settings = {}) {
  const program = (process.env.PATH ?? '')
    .split(delimiter)
    .map((directory) => join(directory, 'mediamtx'))
    .find((file) => existsSync(file));
  if (program === undefined) {
    console.log('MediaMTX: no mediamtx on PATH');
    return undefined;
  }
  const directory = temporaryDirectory();
  const [rtmpPort, hlsPort] = [await freePort(), await freePort()];
  const configuration = join(directory, 'mediamtx.yml');
  const all = {
    ...{ rtsp: false, webrtc: false, srt: false, moq: false },
    ...{ rtmpAddress: `127.0.0.1:${rtmpPort}`, hlsAddress: `127.0.0.1:${hlsPort}` },
    ...settings,
    // Without a path it refuses every publisher.
    paths: { all_others: {} },
  };
  // JSON is YAML.
  writeFileSync(configuration, JSON.stringify(all));
  const server = await serve(program, [configuration], hlsPort, { cwd: directory });
  return {
    ...server,
    // Its path consists of application and name.
    rtmp: { host: '127.0.0.1', port: rtmpPort, app: 'live' },
    playlist: (name) => `http://127.0.0.1:${hlsPort}/live/${name}/index.m3u8`,
  };
}

/** @returns undefined if the npm package is not found */
export async function startNodeMediaServer() {
  const installed = process.env.NODE_MEDIA_SERVER;
  let entry;
  try {
    entry = createRequire(join(installed ?? root, 'package.json')).resolve('node-media-server');
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    console.log(
      'node-media-server: not installed (npm install it in any folder, and set NODE_MEDIA_SERVER to that folder)',
    );
    return undefined;
  }
  const directory = temporaryDirectory();
  const [rtmpPort, httpPort] = [await freePort(), await freePort()];
  const program = join(directory, 'server.cjs');
  const options = { bind: '127.0.0.1', rtmp: { port: rtmpPort }, http: { port: httpPort }, notify: {} };
  writeFileSync(
    program,
    `const NodeMediaServer = require(${JSON.stringify(entry)});
new (NodeMediaServer.default ?? NodeMediaServer)(${JSON.stringify(options)}).run();
`,
  );
  const server = await serve(process.execPath, [program], httpPort, { cwd: directory });
  return {
    ...server,
    rtmp: { host: '127.0.0.1', port: rtmpPort, app: 'live' },
    flv: (name) => `http://127.0.0.1:${httpPort}/live/${name}.flv`,
  };
}
