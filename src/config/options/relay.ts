// Options of push targets: the servers to which streams are forwarded.

import { Type } from 'typebox';
import { seconds } from '../option-kinds.js';

const streamPattern = Type.String({
  pattern: '^[0-9A-Za-z_.*-]+/[0-9A-Za-z_.*-]+$',
  maxLength: 320,
  expected: 'APP/NAME, where * stands for any characters but /',
});
const targetUrl = Type.String({
  minLength: 1,
  maxLength: 2_048,
  pattern: '^[rR][tT][mM][pP][sS]?://[!-~]+$',
  expected: 'rtmp://HOST/APP/KEY or rtmps://HOST/APP/KEY',
});
const hostPattern = Type.String({
  pattern: '^(\\*\\.)?[0-9A-Za-z.:_-]{1,253}$',
  expected: 'a host name or an address; *.example.com matches all hosts below example.com',
});

export const relayOptions = {
  targets: Type.Array(
    Type.Object(
      {
        stream: streamPattern,
        url: targetUrl,
        title: Type.Optional(Type.String({ maxLength: 120, expected: 'at most 120 characters' })),
        preset: Type.Optional(
          Type.String({ pattern: '^[a-z]{1,20}$', expected: 'the name of a preset, such as twitch' }),
        ),
        codecs: Type.Optional(
          Type.Array(Type.String({ pattern: '^[a-z0-9-]{1,16}$' }), { maxItems: 16, expected: 'codecs such as hevc' }),
        ),
        ca: Type.Optional(Type.String({ maxLength: 65_536, expected: 'certificates as PEM' })),
        fingerprint: Type.Optional(
          Type.String({ pattern: '^([0-9A-Fa-f]{2}:?){32}$', expected: 'a SHA-256 in hexadecimal' }),
        ),
      },
      {
        additionalProperties: false,
        expected: 'the keys stream and url, and optionally title, preset, codecs, ca and fingerprint',
      },
    ),
    {
      default: [],
      maxItems: 100,
      placeholder: 'LIST',
      fileOnly: true,
      secret: true,
      expected: 'a list of targets, each with a stream (APP/NAME) and a url (rtmp://HOST/APP/KEY)',
      description:
        'Servers to which live streams are forwarded over RTMP; see [relay.md](relay.md). More targets can be added through the management API and `sluice target`.',
    },
  ),
  sources: Type.Array(
    Type.Object(
      {
        stream: Type.String({
          pattern: '^[0-9A-Za-z_][0-9A-Za-z_.-]{0,63}/[0-9A-Za-z_.][0-9A-Za-z_.-]{0,254}$',
          expected: 'APP/NAME',
        }),
        url: targetUrl,
        backup: Type.Optional(targetUrl),
        onDemand: Type.Optional(Type.Boolean({ expected: 'true or false' })),
      },
      { additionalProperties: false, expected: 'the keys stream and url, and optionally backup and onDemand' },
    ),
    {
      default: [],
      maxItems: 1_000,
      placeholder: 'LIST',
      fileOnly: true,
      secret: true,
      expected: 'a list of sources, each with a stream (APP/NAME) and a url (rtmp://HOST/APP/NAME)',
      description:
        'Streams that are pulled from other RTMP servers, always or, with `onDemand: true`, while somebody watches; see [relay.md](relay.md).',
    },
  ),
  pullIdle: seconds(1, 86_400, {
    default: 30,
    fileOnly: true,
    description: 'After this time without a viewer, a source with `onDemand` is left.',
  }),
  relayHosts: Type.Array(hostPattern, {
    default: [],
    maxItems: 1_000,
    uniqueItems: true,
    placeholder: 'HOST,…',
    fileOnly: true,
    expected: 'different host names or addresses',
    description:
      'Hosts that targets of the management API may use, such as `*.twitch.tv`; empty: any host. Targets in this file are not limited.',
  }),
};
