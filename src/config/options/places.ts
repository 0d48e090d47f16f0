// Where the gateway listens, and where it stores files.

import { Type } from 'typebox';
import { optionalPort, port, text } from '../option-kinds.js';

/** Value of `mediaDir`: nothing is written to a disk. A directory of that name can be given as `./none`. */
export const NO_MEDIA_DIRECTORY = 'none';

export const placeOptions = {
  host: text({
    default: '0.0.0.0',
    placeholder: 'ADDRESS',
    description: 'Address that all servers listen on. `127.0.0.1` keeps them on this machine, `::` adds IPv6.',
  }),
  rtmpPort: port({
    default: 1935,
    description: 'TCP port for publishers (RTMP). 0 picks a free port.',
  }),
  rtmpsPort: optionalPort({
    description:
      'TCP port for publishers and players over TLS (RTMPS), with `tlsCert` and `tlsKey`. 0 picks a free port.',
  }),
  httpPort: port({
    default: 8080,
    description: 'TCP port for players, pages and the API (HTTP). 0 picks a free port.',
  }),
  httpsPort: optionalPort({
    description:
      'TCP port for players, pages and the API over TLS (HTTPS, HTTP/2 and HTTP/1.1), with `tlsCert` and `tlsKey`. 0 picks a free port.',
  }),
  tlsCert: Type.Optional(
    text({
      placeholder: 'FILE',
      fallback: 'none',
      description:
        'Certificate chain in PEM, the server certificate first. It is reloaded when the file changes; nobody is disconnected.',
    }),
  ),
  tlsKey: Type.Optional(
    text({ placeholder: 'FILE', fallback: 'none', description: 'Private key of `tlsCert` in PEM, unencrypted.' }),
  ),
  publicUrl: Type.Optional(
    text({
      placeholder: 'URL',
      pattern: '^https?://[^\\s?#]+$',
      expected: 'an http:// or https:// URL without a query',
      fallback: 'the address of the HTTP server',
      description:
        'Address under which viewers reach the HTTP server (behind a proxy or CDN); used in printed links, link previews and oEmbed.',
    }),
  ),
  mediaDir: text({
    default: 'media',
    placeholder: 'DIR|none',
    description:
      'Where segments and playlists are written. At every instant the directory is a complete static HLS site. It must be empty at the first start and belong to one gateway only; a directory with other files is refused. `none` keeps media in memory only: no copy on a disk, no continuation after a restart, no `dvrWindow`.',
  }),
  stateDir: text({
    default: '.sluice',
    placeholder: 'DIR',
    description:
      'Where the generated publish key and play secret (mode 0600), further keys and users (`publishers.jsonl`), the revoked play tokens (`revoked-sessions.jsonl`) and the working directories of FFmpeg are kept. Must not be inside `mediaDir`, and must belong to one gateway only.',
  }),
};
