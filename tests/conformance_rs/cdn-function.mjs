// Runs a CloudFront function: each line of its input, [path, query], is answered with the path it leads to.
//
//   node cdn-function.mjs CODE
//
// The event has what AWS documents for viewer requests: parameters by name, values as they were sent, the first of several.

import { createInterface } from "node:readline";
import { runInNewContext } from "node:vm";

const handler = runInNewContext(`${process.argv[2]}; handler`);

for await (const line of createInterface({ input: process.stdin })) {
  const [uri, query] = JSON.parse(line);
  const querystring = {};
  for (const pair of query.split("&").filter((part) => part !== "")) {
    const [name, value = ""] = pair.split(/=(.*)/s);
    querystring[name] ??= { value };
  }
  const request = { method: "GET", uri, querystring, headers: {}, cookies: {} };
  console.log(JSON.stringify(handler({ version: "1.0", context: {}, viewer: {}, request }).uri));
}
