// Typical mistakes in configuration files with their messages, which must be clear to a reader who has never seen YAML.

const HASH = 'adobe:W_GDAIS9PKDj_le9:l8cDLXd/gkA+350JocYs3g==';

/** The text of the file, and the expected message. */
export const FILES: readonly (readonly [mistake: string, text: string, message: string])[] = [
  [
    'a tab for indentation',
    'users:\n\t- name: anna\n',
    'sluice.yaml:2:1: not valid YAML: a tab indents this line; use spaces\n  2 | →- name: (not shown: it may hold a secret)',
  ],
  [
    'a tab for indentation of a list',
    'ladder:\n\t- source\n',
    'sluice.yaml:2:1: not valid YAML: a tab indents this line; use spaces\n  2 | →- source',
  ],
  [
    'two keys on one line',
    'httpPort: 8080 rtmpPort: 1935\n',
    'sluice.yaml:1:11: not valid YAML: a second "key: value" inside a value; give each key a line of its own, indented alike, or put the value in quotes\n  1 | httpPort: 8080 rtmpPort: 1935',
  ],
  [
    'no space after the colon',
    'httpPort:8080\nhost: a\n',
    'sluice.yaml:1:1: not valid YAML: expected "key: value", with a space after the colon and the key on one line\n  1 | httpPort:8080',
  ],
  [
    'a key without a value',
    'httpPort\n',
    'sluice.yaml:1: got text without a key, expected lines of the form "httpPort: 8080"',
  ],
  [
    'a quote that is not closed',
    'httpPort: 1\nmediaDir: "/srv/media\nhost: a\n',
    'sluice.yaml:2:11: not valid YAML: the quote that begins here is not closed\n  2 | mediaDir: "/srv/media',
  ],
  [
    'a bracket that is not closed',
    'ladder: [source, 720p\nhost: a\n',
    'sluice.yaml:2:1: not valid YAML: the closing ] is missing, or this line must be indented more\n  2 | host: a',
  ],
  [
    'an unquoted wildcard',
    'frameAncestors: *\n',
    'sluice.yaml:1:17: not valid YAML: a value that starts with * is an alias, and its name is not a good one; put the value in quotes\n  1 | frameAncestors: *',
  ],
  [
    'an unquoted @',
    'httpPort: @8080\n',
    'sluice.yaml:1:11: not valid YAML: a value must not start with this character; put the value in quotes\n  1 | httpPort: @8080',
  ],
  [
    'a list indented differently',
    'ladder:\n  - source\n - 720p\n',
    'sluice.yaml:3:1: not valid YAML: a second "key: value" inside a value; give each key a line of its own, indented alike, or put the value in quotes\n  3 |  - 720p',
  ],
  [
    'a Windows path in double quotes',
    'mediaDir: "C:\\media"\n',
    'sluice.yaml:1:14: not valid YAML: in double quotes, \\ must begin a known escape; use single quotes, or write \\\\\n  1 | mediaDir: "C:\\media"',
  ],
  ['a misspelt key', 'segmentDuraton: 2\n', 'sluice.yaml:1 segmentDuraton: unknown key; did you mean segmentDuration?'],
  [
    'a key twice',
    'httpPort: 1\nhost: a\nhttpPort: 2\n',
    'sluice.yaml:3 httpPort: already set at sluice.yaml:1 httpPort',
  ],
  ['no value', 'host:\n', 'sluice.yaml:1 host: no value; leave the line out to get the default'],
  [
    'a list instead of keys',
    '- httpPort: 8080\n',
    'sluice.yaml:1: got a list, expected lines of the form "httpPort: 8080"',
  ],
  [
    'a unit behind a number',
    'segmentDuration: 2s\n',
    'sluice.yaml:1 segmentDuration: got "2s", expected a number from 1 to 30 (s)',
  ],
  [
    'a comma for a decimal point',
    'partDuration: 0,5\n',
    'sluice.yaml:1 partDuration: got "0,5", expected a number from 0.1 to 5 (s)',
  ],
  [
    'a percentage',
    'maxStreams: 10%\n',
    'sluice.yaml:1 maxStreams: got "10%", expected a whole number from 1 to 10000 (streams)',
  ],
  ['too big', 'rtmpPort: 65536\n', 'sluice.yaml:1 rtmpPort: got "65536", expected a whole number from 0 to 65535'],
  ['yes for on', 'thumbnails: yes\n', 'sluice.yaml:1 thumbnails: got "yes", expected one of on, off'],
  [
    'a height without p',
    'ladder:\n  - source\n  - 720\n',
    'sluice.yaml:3 ladder, entry 2: got "720", expected source, audio or an even height from 64p to 4320p, such as 720p',
  ],
  [
    'ten rungs',
    'ladder: [source,1080p,900p,720p,600p,540p,480p,360p,240p,144p]\n',
    'sluice.yaml:1 ladder: got 10 entries, expected at most 8',
  ],
  [
    'a rung twice',
    'ladder:\n  - source\n  - 720p\n  - 720p\n',
    'sluice.yaml:4 ladder, entry 3: got "720p", which is entry 2 already',
  ],
  [
    'an app with a slash',
    'apps: [live, live/tv]\n',
    'sluice.yaml:1 apps, entry 2: got "live/tv", expected letters, digits and . _ - (neither . nor - first), at most 64',
  ],
  [
    'a proxy by name',
    'trustedProxies: [10.0.0.0/8, proxy.local]\n',
    'sluice.yaml:1 trustedProxies, entry 2: got "proxy.local", expected an IP address or CIDR block, such as 10.0.0.0/8',
  ],
  [
    'a proxy with a wrong mask',
    'trustedProxies:\n  - 10.0.0.0/33\n',
    'sluice.yaml:2 trustedProxies, entry 1: got "10.0.0.0/33", expected an IP address or CIDR block',
  ],
  [
    'the key with a space',
    'publishKey: my secret\n',
    'sluice.yaml:1 publishKey: got a value (not shown), expected up to 256 letters, digits or . _ ~ ! @ $ * : , = / - (nothing that a URL would escape), or none',
  ],
  [
    'a password for a hash',
    `users:\n  - name: anna\n    hash: ${HASH}\n  - name: bert\n    hash: hunter2\n`,
    'sluice.yaml:4 users, entry 2: user bert: hash: got a value (not shown), expected what `sluice hash-password USER` prints',
  ],
  [
    'a user without hash',
    'users:\n  - name: anna\n',
    'sluice.yaml:2 users, entry 1: user anna: hash is missing, expected what `sluice hash-password USER` prints',
  ],
  [
    'password instead of hash',
    'users:\n  - name: anna\n    password: hunter2\n',
    'sluice.yaml:2 users, entry 1: user anna: unknown field "password"\nsluice.yaml:2 users, entry 1: user anna: hash is missing, expected what `sluice hash-password USER` prints',
  ],
  [
    'a user as a pair',
    'users:\n  - anna: hunter2\n',
    'sluice.yaml:2 users, entry 1: got "anna" as a key, expected the keys name and hash, and optionally apps and names',
  ],
  [
    'users as a map',
    `users:\n  anna: ${HASH}\n`,
    'sluice.yaml:1 users: got a value (not shown), expected a list of users, each with a name of letters, digits and . _ @ -, the hash that `sluice hash-password` prints, and optional lists of apps and names',
  ],
  [
    'a user twice',
    `users:\n  - name: anna\n    hash: ${HASH}\n  - name: anna\n    hash: ${HASH}\n`,
    'sluice.yaml:4 users, entry 2: user anna is there twice, first as entry 1',
  ],
  [
    'a user of an unknown app',
    `users:\n  - name: anna\n    hash: ${HASH}\n    apps: [studio]\n`,
    'sluice.yaml:2 users, entry 1: user anna may publish to studio, which is not one of apps (apps (default))',
  ],
  [
    'a field of a user twice',
    `users:\n  - name: anna\n    name: bert\n    hash: ${HASH}\n`,
    'sluice.yaml:3 users: "name" is there twice',
  ],
  [
    'a broken line in users',
    `users:\n  - name: anna\n   hash: ${HASH}\n`,
    'sluice.yaml:3:1: not valid YAML: this line is indented differently from its neighbours, or the "- " of an entry is missing\n  3 |    hash: (not shown: it may hold a secret)',
  ],
  [
    'URL without scheme',
    'publicUrl: live.example.com\n',
    'sluice.yaml:1 publicUrl: got "live.example.com", expected an http:// or https:// URL without a query',
  ],
  [
    'dvr with unit',
    'dvrWindow: 1h\n',
    'sluice.yaml:1 dvrWindow: got "1h", expected a whole number of seconds, off or unlimited',
  ],
  [
    'parts longer',
    'partDuration: 3\n',
    'sluice.yaml:1 partDuration: got 3 s, expected at most the segment duration of 2 s (segmentDuration (default))',
  ],
  [
    'same port',
    'httpPort: 1935\n',
    "sluice.yaml:1 httpPort: got 1935, expected another port than RTMP's (rtmpPort (default))",
  ],
  ['tls without key', 'httpsPort: 443\ntlsCert: cert.pem\n', 'sluice.yaml:1 httpsPort: needs tlsKey, which is not set'],
  [
    'state in media',
    'mediaDir: /srv/sluice\nstateDir: /srv/sluice/state\n',
    'sluice.yaml:2 stateDir: the directory of the publish key lies in the media directory (sluice.yaml:1 mediaDir), where it could be served',
  ],
  [
    'merge conflict',
    '<<<<<<< HEAD\nhttpPort: 1\n=======\nhttpPort: 2\n>>>>>>> x\n',
    'sluice.yaml:1:1: not valid YAML: expected "key: value", with a space after the colon and the key on one line\n  1 | (not shown: it may hold a secret)\nsluice.yaml:3:1: not valid YAML: expected "key: value", with a space after the colon and the key on one line\n  3 | =======\nsluice.yaml:5:1: not valid YAML: expected "key: value", with a space after the colon and the key on one line\n  5 | >>>>>>> x',
  ],
  [
    'ini',
    '[server]\nhttpPort = 8080\n',
    'sluice.yaml:2:1: not valid YAML: this cannot stand here; is a quote, a bracket, a comma or a line break missing before it?\n  2 | (not shown: it may hold a secret)',
  ],
  [
    'env file',
    'HTTP_PORT=8080\n',
    'sluice.yaml:1: got text without a key, expected lines of the form "httpPort: 8080"',
  ],
  [
    'two documents',
    'httpPort: 1\n---\nhost: a\n',
    'sluice.yaml:2:1: not valid YAML: "---" begins a second document; everything must be in one\n  2 | ---',
  ],
  [
    'limits nested',
    'limits:\n  maxChunkStreams: 5\n',
    'sluice.yaml:1 limits: unknown key; options stand at the beginning of their lines, in no section',
  ],
];
