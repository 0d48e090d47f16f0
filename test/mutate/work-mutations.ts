// Mutations of limits on a viewer's work and connections: src/servers/http/metering.
import type { Mutation } from './mutation.js';

const METERING = 'src/servers/http/metering';
const TESTS = 'test/servers/http/metering';

export const WORK_MUTATIONS: readonly Mutation[] = [
  {
    drops: 'the share of a pass that HTTP may take',
    file: `${METERING}/work-turns.ts`,
    text: 'return this.#used >= SHARE;',
    replacement: 'return false;',
    test: `${TESTS}/work-turns.test.ts`,
    title: 'within the time for a pass',
    short: true,
  },
  {
    drops: 'that single requests go before pipelined ones',
    file: `${METERING}/work-turns.ts`,
    text: 'this.#run(this.#single);\n      this.#run(this.#backlogged);',
    replacement: 'this.#run(this.#backlogged);\n      this.#run(this.#single);',
    test: `${TESTS}/work-turns.test.ts`,
    title: 'runs short turns before long ones',
  },
  {
    drops: 'the bound on streams that a client resets',
    file: `${METERING}/frame-portions.ts`,
    text: "return this.#resets > RESET_BURST ? 'reset-streams' : undefined;",
    replacement: 'return undefined;',
    test: `${TESTS}/frame-portions.test.ts`,
    title: 'allow a burst of 100 resets',
  },
  {
    drops: 'that nobody is served who has left',
    file: 'src/servers/http/app.ts',
    text: 'if (isGone(response)) return;',
    replacement: '',
    test: `${TESTS}/connections.test.ts`,
    title: 'does not serve streams that have been reset already',
  },
  {
    drops: 'that a request that fails is no failure of the process',
    file: 'src/servers/http/app.ts',
    text: '// A bug in the gateway fails this request and does not end the process.',
    replacement: 'throw failure;',
    test: 'test/faults/seams-http.test.ts',
    title: 'affects only the client of the request',
  },
  {
    drops: 'the bound on bytes that a client pipelines',
    file: `${METERING}/metered-socket.ts`,
    text: "if (this.#isBlocked && this.#queuedBytes > MAX_PIPELINED_BYTES) this.#end('pipelined-bytes');\n    else if",
    replacement: 'if',
    test: `${TESTS}/connections.test.ts`,
    title: 'ends a connection that pipelines more than 16 KiB',
  },
  {
    drops: 'the bound on HTTP connections',
    file: `${METERING}/connections.ts`,
    text: "if (this.#sockets.size >= maxConnections) return 'connections';",
    replacement: '',
    test: `${TESTS}/connections.test.ts`,
    title: 'are bounded, except those of trusted proxies',
  },
  {
    drops: 'the bound on HTTP connections of one address',
    file: `${METERING}/connections.ts`,
    text: 'this.#perAddress.of(counted) >= maxConnectionsPerAddress;',
    replacement: 'false;',
    test: `${TESTS}/connections.test.ts`,
    title: 'are bounded, except those of trusted proxies',
  },
  {
    drops: 'the bound on unanswered requests of one address',
    file: `${METERING}/connections.ts`,
    text: 'this.#requestsPerAddress.of(counted) <= this.#options.maxRequestsPerAddress',
    replacement: 'true',
    test: `${TESTS}/connections.test.ts`,
    title: 'refuses requests of one address if too many are unanswered',
  },
  {
    drops: 'that other methods never reach the application',
    file: 'src/servers/http/app.ts',
    text: 'else refuseMethod(request, response);',
    replacement: 'else serve(request, response, route);',
    test: `${TESTS}/connections.test.ts`,
    title: 'refuses an unknown method before the application sees it',
  },
  {
    drops: 'the bound on lines that clients can cause',
    file: 'src/servers/http/limited-log.ts',
    text: 'if (recent === undefined) {',
    replacement: 'if (recent?.suppressed !== -1) {',
    test: `${TESTS}/connections.test.ts`,
    title: 'refuses an unknown method before the application sees it',
  },
];
