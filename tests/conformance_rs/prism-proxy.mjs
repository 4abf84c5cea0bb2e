// Twilio's own REST specification between a client and a stand-in for Twilio: both sides are checked, nothing is
// changed, and what breaks the specification is told in the answer's header `sl-violations`.
//
//   node prism-proxy.mjs UPSTREAM     prints `prism ready port=PORT`; ends when its stdin closes
//
// The packages are those of ../conformance.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(new URL("../conformance/package.json", import.meta.url));
const requireFromPrism = createRequire(require.resolve("@stoplight/prism-cli/package.json"));
const { createLogger } = requireFromPrism("@stoplight/prism-core");
const { getHttpOperationsFromSpec } = requireFromPrism("@stoplight/prism-http");
const { createServer } = requireFromPrism("@stoplight/prism-http-server");

const upstream = new URL(process.argv[2]);
const specifications = join(dirname(require.resolve("@twilio/cli-core/package.json")), "src/services/twilio-api");
const operations = await getHttpOperationsFromSpec(join(specifications, "twilio_api_v2010.json"));
const server = createServer(operations, {
  cors: false,
  components: { logger: createLogger("prism", { level: "silent" }) },
  config: {
    isProxy: true,
    upstream,
    checkSecurity: true,
    validateRequest: true,
    validateResponse: true,
    errors: false,
    mock: { dynamic: false },
  },
});
const address = new URL(await server.listen(0, "127.0.0.1"));
process.stdin.on("end", () => process.exit(0)).resume();
console.log(`prism ready port=${address.port}`);
