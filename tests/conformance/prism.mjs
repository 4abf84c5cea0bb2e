// Serves Twilio's own REST specification as a mock on loopback: requests that break it are refused, right ones
// get an example answer. Prism's server is used directly rather than its command line, which forks and decorates
// its output; this way there is one process, one ready line, and a clean end.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

const require = createRequire(import.meta.url);
const requireFromPrism = createRequire(require.resolve("@stoplight/prism-cli/package.json"));
const { createLogger } = requireFromPrism("@stoplight/prism-core");
const { getHttpOperationsFromSpec } = requireFromPrism("@stoplight/prism-http");
const { createServer } = requireFromPrism("@stoplight/prism-http-server");

const SPECIFICATIONS = join(dirname(require.resolve("@twilio/cli-core/package.json")), "src/services/twilio-api");
const USAGE = "usage: node prism.mjs [--port PORT] [--until-stdin-closes]";

async function main() {
  const { values } = parseArgs({
    options: { port: { type: "string", default: "0" }, "until-stdin-closes": { type: "boolean", default: false } },
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Error(USAGE);

  const operations = await getHttpOperationsFromSpec(join(SPECIFICATIONS, "twilio_api_v2010.json"));
  const server = createServer(operations, {
    cors: false,
    components: { logger: createLogger("prism", { level: "silent" }) },
    config: {
      isProxy: false,
      checkSecurity: true,
      validateRequest: true,
      validateResponse: false, // the answers are the specification's own examples, several of which break its own formats
      errors: false,
      mock: { dynamic: false },
    },
  });
  const address = new URL(await server.listen(port, "127.0.0.1"));

  // Open keep-alive connections must not hold the process, so it ends instead of waiting for them.
  const stop = () => process.exit(0);
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  if (values["until-stdin-closes"]) process.stdin.on("end", stop).resume();
  console.log(`prism ready port=${address.port}`);
}

main().catch((error) => {
  console.error(`prism could not start: ${error.message ?? error}`);
  process.exit(1);
});
