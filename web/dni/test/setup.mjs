// What every test needs: the world it runs in, a context of its own, a way to open a page and to see a number on it.
import { after, before, beforeEach, test as anyTest } from "node:test";
import { pause, REAL, start, text, until } from "./browser.mjs";

/** Against the real platform only these run: the others tell the lookup server what to answer. */
export const everywhere = anyTest;
export const test = (name, run) => anyTest(name, { skip: REAL ? "tells the fake lookup server what to answer" : false }, run);

export const OLD = process.env.DNI_NUMBER || "+18005550100";
const [, area, office, lineNo] = /^\+1(...)(...)(....)$/.exec(OLD);
export const OLD_TEXT = `(${area}) ${office}-${lineNo}`;
export const NEW_TEXT = "(415) 555-0123";
export const SECOND_TEXT = "(415) 555-0124";
export const ANY_NUMBER = /\(\d{3}\) \d{3}-\d{4}/;
export const LINE = `<p id=line>Call ${OLD_TEXT} now</p>`;

export let world;
export let context;
before(async () => (world = await start()));
after(() => world.close());
beforeEach(async () => {
  await context?.close();
  // Closed pages release their leases; these must not arrive in the next test.
  await pause(50);
  world.platform.reset();
  world.pages.clear();
  world.seen.length = 0;
  context = await world.browser.newContext();
});

/** A new tab; what the page complains of is collected. */
export async function tab() {
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.complaints.push(message.text()));
  return page;
}

/** Puts a page with the snippet on the site and opens it, in a new tab unless told which. */
export async function open(html, { path = "/", more = "", search = "", to, wait } = {}) {
  world.pages.set(path, html + world.snippet(more));
  const page = to || (await tab());
  await page.goto(world.site + path + search, { waitUntil: wait || "load" });
  return page;
}

export const shows = (page, number, selector = "#line") =>
  until(async () => (await text(page, selector)).includes(number), `${selector} shows ${number}`);
