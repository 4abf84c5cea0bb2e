// Starts the site, the lookup server and Chromium, and knows how to look at a page.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { listening, startPlatform, TAG } from "./platform.mjs";

/** The real platform instead of the fake one: its origin, a tag, and the number which that tag replaces. */
export const REAL = process.env.DNI_ORIGIN;
export const tag = process.env.DNI_TAG || TAG;

const CHROMIUM = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (each) => each && existsSync(each),
);
const FLAGS =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

export async function launch() {
  if (!CHROMIUM) throw new Error("no Chromium: run infra/tools/chromium.sh, or set CHROMIUM=/path/to/it");
  // Playwright switches the back-forward cache off, and here it is what is tested.
  const ignoreDefaultArgs = ["--disable-back-forward-cache"];
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS.split(" "), ignoreDefaultArgs });
}

export async function start() {
  const platform = await startPlatform();
  const origin = REAL || platform.origin;
  const pages = new Map();
  const seen = [];
  const snippet = (more = "", of = tag) => {
    const integrity = "sha384-" + createHash("sha384").update(platform.script).digest("base64");
    return `<script async src="${origin}/dni/v1/ccp.js" data-tag="${of}" integrity="${integrity}" crossorigin="anonymous" ${more}></script>`;
  };
  const server = await listening(async (request, response) => {
    const { pathname } = new URL(request.url, "http://site");
    if (pathname === "/seen") {
      let text = "";
      for await (const part of request) text += part;
      seen.push(...JSON.parse(text));
      return response.end();
    }
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end("<!doctype html><meta charset=utf-8><title>Shop</title>" + (pages.get(pathname) ?? "<p>Nothing here"));
  });
  const { port } = server.address();
  const browser = await launch();
  return {
    platform,
    browser,
    snippet,
    pages,
    seen,
    site: `http://localhost:${port}`,
    elsewhere: `http://127.0.0.1:${port}`,
    async close() {
      await browser.close();
      platform.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Waits until `check` holds, asking again and again; its last value is in the complaint. */
export async function until(check, what, ms = 8000) {
  const end = Date.now() + ms;
  let last;
  do {
    last = await check();
    if (last) return last;
    await pause(25);
  } while (Date.now() < end);
  throw new Error(`waited ${ms} ms in vain: ${what}`);
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const text = (page, selector = "body") => page.locator(selector).first().innerText();

/** What the script keeps on this site. */
export const kept = (page) => page.evaluate((key) => JSON.parse(localStorage.getItem(key)), "ccp:" + tag);

/** Makes a page believe that it is hidden, or seen again: headless pages are all visible. */
export const setHidden = (page, hidden) =>
  page.evaluate((value) => {
    Object.defineProperty(document, "hidden", { value, configurable: true });
    Object.defineProperty(document, "visibilityState", { value: value ? "hidden" : "visible", configurable: true });
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  }, hidden);

/** The visitor does something. */
export const use = (page) => page.evaluate(() => document.dispatchEvent(new Event("keydown", { bubbles: true })));
