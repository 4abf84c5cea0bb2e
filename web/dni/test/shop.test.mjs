// The script on a page that the platform itself serves, against the platform's own lookup, calls and visits: nothing is played
// but the telephone network. Needs the platform's program: LOCAL_PLATFORM=…/local-platform.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { after, before, beforeEach, test } from "node:test";
import { createInterface } from "node:readline";
import { launch, pause, text, until } from "./browser.mjs";

const ORIGINAL = "555-0101";
const SHOTS = new URL("../../../.artifacts/dni/", import.meta.url).pathname;

let platform, api, browser, context;

before(async () => {
  // It lives as long as its standard input is open.
  platform = spawn(process.env.LOCAL_PLATFORM, ["contract"], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = await once(createInterface({ input: platform.stdout }), "line");
  const { url, key, phone } = JSON.parse(line);
  const ask = async (address, options = {}) => {
    const answer = await fetch(address, { ...options, headers: { authorization: `Bearer ${key}`, ...options.headers } });
    assert.ok(answer.ok, `${address}: ${answer.status} ${answer.ok ? "" : await answer.text()}`);
    return answer;
  };
  api = {
    shop: url + "/_sim/shop",
    get: async (path) => (await ask(url + path)).json(),
    /** A simulated call; the last thing that happened. */
    async call(number) {
      const answer = await ask(phone + "/_sim/calls", { method: "POST", body: JSON.stringify({ number, times_faster: 1000 }) });
      const lines = (await answer.text()).trim().split("\n");
      return JSON.parse(lines.at(-1)).over;
    },
    /** Somebody else's visit. */
    async visitor(tag) {
      const body = JSON.stringify({ tag });
      const answer = await fetch(url + "/dni/lookup", { method: "POST", body, headers: { "user-agent": "Mozilla/5.0 Safari/605" } });
      return answer.json();
    },
  };
  browser = await launch();
});

after(async () => {
  await browser?.close();
  platform.stdin.end();
  await once(platform, "exit");
});

beforeEach(async () => {
  await context?.close();
  // A headless browser says that it is one, and robots get no number.
  const userAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
  context = await browser.newContext({ userAgent, viewport: { width: 900, height: 700 } });
});

async function open(search = "", prepare = async () => {}) {
  const page = await context.newPage();
  await prepare(page);
  await page.goto(api.shop + search, { waitUntil: "load" });
  return page;
}

const everything = (page) =>
  page.evaluate(() => ({
    split: document.querySelector("#split").textContent,
    text: document.querySelector("#text").textContent,
    link: document.querySelector("#link").getAttribute("href"),
    label: document.querySelector("#link").getAttribute("aria-label"),
    shadow: document.querySelector("#hours").shadowRoot.textContent,
  }));

/** The number of the visitor, once it stands in the page. */
async function own(page) {
  await until(async () => !(await text(page, "#text")).includes(ORIGINAL), "the number is replaced");
  return (await page.getAttribute("#link", "href")).slice("tel:".length);
}

const only = (visits, click) => visits.items.filter((visit) => visit.params.clickid === click);

test("a visitor's number stands in text, link, split nodes and shadow root, on every page, and their call is known by it", async () => {
  const page = await open("?utm_campaign=spring&utm_term=burst+pipe&clickid=shop-1");
  const number = await own(page);
  const last = number.slice(-4);
  const shown = await everything(page);
  assert.deepEqual(shown, {
    split: `Day and night: (202) 555-${last}`,
    text: `Water where it should not be? Call 202-555-${last} and we are on our way.`,
    link: `tel:+1202555${last}`,
    label: `Call (202) 555-${last}`,
    shadow: `Open all week. Emergencies: (202) 555-${last}.`,
  });

  // Whatever was painted after navigating is looked at in the same frame.
  const painted = await page.evaluate(async () => {
    const seen = [];
    for (const name of ["Drains", "Boilers", "Home"]) {
      [...document.querySelectorAll("nav a")].find((link) => link.textContent === name).click();
      await new Promise((resolve) => requestAnimationFrame(resolve));
      seen.push(document.querySelector("#text").textContent);
    }
    return seen;
  });
  assert.deepEqual(painted, [
    `Blocked drain? (202) 555-${last} clears it.`,
    `No hot water? Dial +1 202 555 ${last} today.`,
    shown.text,
  ]);
  await mkdir(SHOTS, { recursive: true });
  await page.screenshot({ path: SHOTS + "shop.png" });

  const over = await api.call(number);
  assert.ok(!over.failed, JSON.stringify(over));
  const [visit] = only(await api.get("/api/visits"), "shop-1");
  const call = await until(async () => (await api.get(`/api/visits/${visit.id}`)).calls[0], "the visit has its call");
  const report = await api.get(`/api/calls/${call.id}`);
  assert.equal(report.visit, visit.id);
  assert.equal(report.attribution, "lease");
  assert.equal(report.tags["User:utm_term"], "burst pipe");
  const told = await until(async () => {
    const all = (await api.get("/_sim/postbacks")).filter((url) => url.includes("clickid=shop-1&"));
    return all.length >= 3 && all;
  }, "RedTrack is told");
  assert.deepEqual(told.map((url) => new URL(url).searchParams.get("type")), ["RAWCall", "AnsweredCall", "ConvertedCall"]);
});

test("a click id that comes late reaches the visit", async () => {
  const page = await open("?utm_campaign=late");
  await own(page);
  await page.evaluate(() => (window._ccp = window._ccp || []).push({ clickid: "shop-2" }));
  await until(async () => only(await api.get("/api/visits"), "shop-2").length === 1, "the visit has the click id");
});

test("over a slow network the number comes later, and nothing moves", async () => {
  const page = await open("", async (page) => {
    await page.addInitScript(() => {
      window.shift = 0;
      new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.shift += entry.value))).observe({
        type: "layout-shift",
        buffered: true,
      });
    });
    const network = await context.newCDPSession(page);
    await network.send("Network.enable");
    await network.send("Network.emulateNetworkConditions", { offline: false, latency: 400, downloadThroughput: 50_000, uploadThroughput: 20_000 });
  });
  const rectangles = () =>
    page.evaluate(() => ["split", "text", "link", "hours"].map((id) => JSON.stringify(document.getElementById(id).getBoundingClientRect())));
  const before = await rectangles();
  await mkdir(SHOTS, { recursive: true });
  await page.screenshot({ path: SHOTS + "shop-slow-before.png" });
  await own(page);
  await page.screenshot({ path: SHOTS + "shop-slow-after.png" });
  assert.deepEqual(await rectangles(), before);
  assert.equal(await page.evaluate(() => window.shift), 0);
});

test("where the script is blocked the page keeps its number", async () => {
  const page = await open("", (page) => page.route("**/ccp.js", (route) => route.abort()));
  await pause(500);
  assert.ok((await everything(page)).text.includes(ORIGINAL));
});

test("a visitor who finds the pool exhausted sees the page's own number", async () => {
  const html = await (await fetch(api.shop)).text();
  const tag = /data-tag="(TT[^"]+)"/.exec(html)[1];
  const taken = [];
  for (let answer = await api.visitor(tag); answer.attributed; answer = await api.visitor(tag)) taken.push(answer.number);
  assert.ok(taken.length > 0 && new Set(taken).size === taken.length, String(taken));
  const page = await open("?clickid=shop-3");
  await until(async () => only(await api.get("/api/visits"), "shop-3").length === 1, "the visit is written down");
  assert.ok((await everything(page)).text.includes(ORIGINAL));
  const [visit] = only(await api.get("/api/visits"), "shop-3");
  assert.equal(visit.attributed, false);
});
