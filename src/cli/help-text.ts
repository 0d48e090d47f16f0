// The texts of `--help` and `--version`; the options come from the schema.

import { readFileSync } from 'node:fs';
import { optionsHelp } from '../config/documentation.js';

export function helpText(): string {
  return `Sluice: push RTMP, watch low-latency HLS in any browser.

Usage: sluice [command] [options]

Commands:
  serve    Run the gateway (the default).
  demo     Run the gateway with a test pattern published to it as live/demo.
  doctor   Check this machine: FFmpeg, ports, directories. Changes nothing.
  hash-password USER   Ask for a password and print the line of USER for the configuration file.
  sign APP/NAME [--for 2h] [--until TIME] [--start-by TIME] [--not-before TIME]
           Make a link with which somebody may watch (playAccess: token).
  revoke LINK   End such a link before its time.
  key add | list | rotate ID | revoke ID   Keys with which others may publish: for some streams, for some time.
  user add USER | list | remove USER       Users who may publish with a password.

Examples:
  sluice                                       Everything by default. Prints what to paste into OBS, and where to watch.
  sluice --ladder source                       For a small server: pass the encoder's own pictures on, encode nothing.
  sluice --host 127.0.0.1 --publish-key none   To try it on one machine, without a key.

Options, each also a key of the YAML file and an environment variable (--http-port: httpPort, SLUICE_HTTP_PORT).
The default is in brackets.

${optionsHelp()}

Exit status: 0 ended in order, 1 could not start or did not end in order, 2 wrong command line or configuration.
`;
}

/** The version from package.json; the path is the same from src/ and from dist/. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
}
