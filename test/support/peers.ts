// Third-party publishers from Debian packages. The gate requires them; elsewhere their tests say why they were skipped.
import { accessSync, constants } from 'node:fs';

/** A program that can be run, or a module (`.so`) that a program can load. */
function isUsable(path: string): boolean {
  try {
    accessSync(path, path.endsWith('.so') ? constants.R_OK : constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export const DEBIAN_FFMPEG = '/usr/bin/ffmpeg';
export const GSTREAMER = '/usr/bin/gst-launch-1.0';
export const RTMPDUMP = '/usr/bin/rtmpdump';
export const NGINX = '/usr/sbin/nginx';
export const NGINX_LUA = '/usr/lib/nginx/modules/ngx_http_lua_module.so';
export const VARNISH = '/usr/sbin/varnishd';
export const HAPROXY = '/usr/sbin/haproxy';
export const CADDY = '/usr/bin/caddy';
export const SYSTEMD_ANALYZE = '/usr/bin/systemd-analyze';

/** For `describe.skipIf`: false if the program exists, or is required (a missing one then fails the test). */
export function absentPeer(path: string): boolean {
  return !isUsable(path) && process.env.REQUIRE_PEERS !== '1';
}
