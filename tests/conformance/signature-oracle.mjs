// Signs and verifies webhook requests with Twilio's own library, for tests of our signer and our verifier.
//
// One JSON request per line on stdin, one JSON answer per line on stdout, in order; see README.md.
// Nothing here computes a signature: a request the library throws on is answered with `error`, never with a guess.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);
// Loaded by its file: the package's entry would load every REST resource of Twilio.
const twilio = require("twilio/lib/webhooks/webhooks.js");

const OPERATIONS = {
  sign: ({ token, url, params }) => ({ signature: twilio.getExpectedTwilioSignature(token, url, params ?? {}) }),
  validate: ({ token, signature, url, params }) => ({ valid: twilio.validateRequest(token, signature, url, params ?? {}) }),
  bodyHash: ({ body }) => ({ hash: twilio.getExpectedBodyHash(body) }),
  validateBody: ({ token, signature, url, body }) => ({ valid: twilio.validateRequestWithBody(token, signature, url, body) }),
};

function answer(line) {
  let request;
  try {
    request = JSON.parse(line);
    if (!Object.hasOwn(OPERATIONS, request.op)) throw new Error(`unknown op ${JSON.stringify(request.op)}`);
    return { ...identified(request), ...OPERATIONS[request.op](request) };
  } catch (error) {
    return { ...identified(request), error: error.message };
  }
}

function identified(request) {
  return request?.id === undefined ? {} : { id: request.id };
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  if (line.trim() !== "") process.stdout.write(`${JSON.stringify(answer(line))}\n`);
}
