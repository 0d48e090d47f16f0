// Where the admin listener for operators is, and whether their changes must be recorded.

import { Type } from 'typebox';
import { choice, portOrNone, text } from '../option-kinds.js';

/** Default port of the admin listener, if it is free. */
export const DEFAULT_ADMIN_PORT = 8081;
/** Value of `adminPort`: there is no admin listener. */
export const NO_ADMIN_PORT = 'none';

const hostName = Type.String({
  pattern: '^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$',
  expected: 'a host name such as ops.example.com',
});
const origin = Type.String({
  pattern: '^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$',
  expected: 'an origin such as https://ops.example.com',
});

export const adminOptions = {
  adminHost: text({
    default: '127.0.0.1',
    placeholder: 'ADDRESS',
    description:
      "Address that the admin listener listens on: management API and metrics, each request with a token of `sluice token add`. On any address other than this machine's own (`127.0.0.1`, `::1`) it speaks TLS, with `tlsCert` and `tlsKey`.",
  }),
  adminPort: portOrNone({
    fallback: `${DEFAULT_ADMIN_PORT}, if it is free`,
    description:
      'TCP port of the admin listener. 0 picks a free port, `none` turns it off. If it is set and taken, the gateway does not start; without the option it then warns and runs without the listener.',
  }),
  adminTls: choice(['auto', 'off'], {
    default: 'auto',
    description:
      "Whether the admin listener speaks TLS: `auto` on every address other than this machine's own, `off` never. With `off` on another address, tokens cross the network unencrypted: for a container whose port is published on 127.0.0.1 only, or behind a proxy with TLS.",
  }),
  adminHosts: Type.Array(hostName, {
    default: [],
    maxItems: 64,
    uniqueItems: true,
    placeholder: 'NAME,…',
    expected: 'different host names such as ops.example.com',
    description:
      'Host names of the admin listener, in addition to `localhost` and IP addresses. Requests with another `Host` are refused, so that a web page cannot reach it through a host name of its own (DNS rebinding).',
  }),
  adminOrigins: Type.Array(origin, {
    default: [],
    maxItems: 64,
    uniqueItems: true,
    placeholder: 'ORIGIN,…',
    expected: 'different origins such as https://ops.example.com',
    description: 'Web sites whose pages may use the management API from a browser (CORS). Others may not.',
  }),
  auditRequired: choice(['on', 'off'], {
    default: 'on',
    description:
      'Whether a change through the management API is refused if it cannot be written to the audit log (`stateDir/audit.jsonl`).',
  }),
};
