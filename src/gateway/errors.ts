// Error codes for programs that embed the gateway and use it in the wrong order.
import { defineErrors } from '../protocols/errors.js';

export const gatewayError = defineErrors({
  'gateway.started': {
    kind: 'invalid-state',
    summary: 'start() was called a second time. One gateway starts once; make another one with createGateway().',
  },
  'gateway.closed': {
    kind: 'invalid-state',
    summary:
      'start() was called after close(), or close() was called while it started. Make another gateway with createGateway().',
  },
  'gateway.kicked': {
    kind: 'denied',
    summary: 'The operator ended this publish. Most encoders connect again within seconds.',
  },
  'gateway.denied': {
    kind: 'denied',
    summary: "The program's own authorizePublish or authorizePlay refused the request. The text is the program's.",
  },
});
