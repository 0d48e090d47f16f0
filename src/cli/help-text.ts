// The texts of `--help` and `--version`; the options come from the schema.

import { optionsHelp } from '../config/documentation.js';

export function helpText(): string {
  return `Sluice: push RTMP, watch low-latency HLS in any browser.

Usage: sluice [command] [options]

Commands:
  serve    Run the gateway (the default).
  demo     Run the gateway with a test pattern published to it as live/demo.
  doctor   Check this machine: FFmpeg, ports, directories. Changes nothing.
  hash-password USER   Ask for a password and print the line of USER for the configuration file.
  sign APP/NAME [--for 2h] [--until TIME] [--start-by TIME] [--not-before TIME] [--max-height 480]
           Make a link with which somebody may watch (playAccess: token).
  revoke LINK   End such a link before its time.
  target add STREAM | list | start ID | stop ID | remove ID   Servers to which streams are sent on; the URL with the key is asked for.
  key add | list | rotate ID | revoke ID   Keys with which others may publish: for some streams, for some time.
  user add USER | list | remove USER       Users who may publish with a password.
  token add --role viewer|operator|admin [--name NAME] [--for 30d]
  token list, token revoke ID   Who may manage the gateway through the admin listener.
  recording list | show ID | start APP/NAME | stop APP/NAME | title ID TEXT | pin ID | unpin ID | delete ID
  recording clip ID|APP/NAME --from TIME [--to TIME], recording download ID [--output FILE]
           Recordings of the gateway that runs on this machine.
  audit verify   Check that nobody changed the log of what operators did.

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
