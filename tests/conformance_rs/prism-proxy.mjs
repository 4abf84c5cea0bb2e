// Twilio's own REST specification between a client and a stand-in for Twilio: both sides are checked, nothing is changed.
//
//   node prism-proxy.mjs UPSTREAM
//
// Prints `prism ready port=PORT`, then for each exchange, before its answer goes out, one line of JSON: "request",
// "status" and "violations", what broke the specification on either side. Ends when its stdin closes. The packages are
// those of ../conformance.

import { createServer as createHttpServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(new URL("../conformance/package.json", import.meta.url));
const requireFromPrism = createRequire(require.resolve("@stoplight/prism-cli/package.json"));
const { createLogger } = requireFromPrism("@stoplight/prism-core");
const { getHttpOperationsFromSpec } = requireFromPrism("@stoplight/prism-http");
const { createServer } = requireFromPrism("@stoplight/prism-http-server");

const specifications = join(dirname(require.resolve("@twilio/cli-core/package.json")), "src/services/twilio-api");
const operations = await getHttpOperationsFromSpec(join(specifications, "twilio_api_v2010.json"));
const prism = createServer(operations, {
  cors: false,
  components: { logger: createLogger("prism", { level: "silent" }) },
  config: {
    isProxy: true,
    upstream: new URL(process.argv[2]),
    checkSecurity: true,
    validateRequest: true,
    validateResponse: true,
    errors: false, // tell, do not refuse
    mock: { dynamic: false },
  },
});
const checked = await prism.listen(0, "127.0.0.1");

// Prism tells in a header; the client in front of it is the product's own and does not show headers.
const front = createHttpServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const headers = {};
  for (const name of ["authorization", "content-type", "user-agent"]) {
    if (request.headers[name]) headers[name] = request.headers[name];
  }
  const body = chunks.length > 0 ? Buffer.concat(chunks) : undefined;
  const answer = await fetch(new URL(request.url, checked), { method: request.method, headers, body });
  const violations = JSON.parse(answer.headers.get("sl-violations") ?? "[]");
  console.log(JSON.stringify({ request: `${request.method} ${request.url}`, status: answer.status, violations }));
  response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "application/json" });
  response.end(Buffer.from(await answer.arrayBuffer()));
});
front.listen(0, "127.0.0.1", () => console.log(`prism ready port=${front.address().port}`));
process.stdin.on("end", () => process.exit(0)).resume();
