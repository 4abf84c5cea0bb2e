// A lookup server that speaks the protocol of PROTOCOL.md and remembers what it was asked. It leases numbers as the platform does: one
// holder at a time, and none again before the lease ended and the closed-browser delay passed.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";

export const TAG = "TTtest";
export const OLD = "+18005550100";

const body = (request) =>
  new Promise((resolve) => {
    let text = "";
    request.on("data", (part) => (text += part)).on("end", () => resolve(text));
  });

export const listening = (handle) =>
  new Promise((resolve) => {
    const server = createServer((request, response) => void handle(request, response).catch(() => response.destroy()));
    server.listen(0, "127.0.0.1", () => resolve(server));
  });

export async function startPlatform() {
  const built = await readFile(new URL("../dist/ccp.js", import.meta.url));
  const platform = {
    /** Every question and release as it came, with the time. */
    asked: [],
    released: [],
    /** Set by a test, for all or by tag: milliseconds to wait, a status other than 200, a whole answer of its own. */
    reset() {
      Object.assign(platform, { script: built, asked: [], released: [], delay: 0, status: 200, answer: null, scriptDelay: 0, byTag: {} });
      Object.assign(platform, { ttl: 300_000, renew: 150_000, closedDelay: 30_000, replace: {}, visits: 0 });
      platform.pool = Array.from({ length: 20 }, (_, at) => ({ number: `+14155550${123 + at}`, free: 0 }));
    },
    questions: () => platform.asked.filter((each) => !each.values_only),
    values: () => platform.asked.filter((each) => each.values_only),
    lease(question) {
      const now = Date.now();
      const visit = question.visit || `VI${++platform.visits}`;
      const mine = platform.pool.find((row) => row.visit === visit) || platform.pool.find((row) => row.free <= now);
      const replace = { selectors: [], numbers: [OLD], shadow: false, keep: [], ...platform.replace };
      const rest = { visit, ttl_ms: platform.ttl, renew_ms: platform.renew, replace, attributed: !!mine };
      if (!mine) return { ...rest, lease: null, number: null, display: null };
      const lease = `lease-${mine.number}-${now}`;
      (mine.holders ??= new Set()).add(visit);
      Object.assign(mine, { visit, lease, free: now + platform.ttl + platform.closedDelay });
      const display = mine.number.replace(/^\+1(...)(...)(....)$/, "($1) $2-$3");
      return { ...rest, lease, number: mine.number, display };
    },
  };
  platform.reset();
  const server = await listening(async (request, response) => {
    response.setHeader("access-control-allow-origin", "*");
    const { script } = platform;
    if (request.url.startsWith("/dni/v1/ccp.js")) {
      await new Promise((resolve) => setTimeout(resolve, platform.scriptDelay));
      response.setHeader("cache-control", "public, max-age=600");
      response.setHeader("content-type", "text/javascript");
      return response.end(script);
    }
    const asked = { ...JSON.parse(await body(request)), at: Date.now(), type: request.headers["content-type"] };
    if (request.url === "/dni/release") {
      platform.released.push(asked);
      // Only the latest lease of a number can be given back: the beacon may come after the next page asked again.
      const row = platform.pool.find((each) => each.lease === asked.lease);
      if (row) row.free = Math.min(row.free, Date.now() + platform.closedDelay);
      response.statusCode = 204;
      return response.end();
    }
    platform.asked.push(asked);
    const { answer, status, delay } = { ...platform, ...platform.byTag[asked.tag] };
    const found = asked.values_only ? {} : answer || platform.lease(asked);
    await new Promise((resolve) => setTimeout(resolve, delay));
    response.statusCode = status;
    response.end(typeof found === "string" ? found : JSON.stringify(found));
  });
  platform.origin = `http://127.0.0.1:${server.address().port}`;
  platform.close = () => (server.closeAllConnections(), server.close());
  return platform;
}
