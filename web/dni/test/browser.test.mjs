import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, beforeEach, test as anyTest } from "node:test";
import { kept, pause, REAL, setHidden, start, tag, text, until, use } from "./browser.mjs";

// Against the real platform only the tests marked `everywhere` run: the others tell the lookup server what to answer.
const everywhere = anyTest;
const test = (name, run) => anyTest(name, { skip: REAL ? "tells the fake lookup server what to answer" : false }, run);

const OLD = process.env.DNI_NUMBER || "+18005550100";
const [, area, office, lineNo] = /^\+1(...)(...)(....)$/.exec(OLD);
const OLD_TEXT = `(${area}) ${office}-${lineNo}`;
const NEW_TEXT = "(415) 555-0123";
const SECOND_TEXT = "(415) 555-0124";
const ANY_NUMBER = /\(\d{3}\) \d{3}-\d{4}/;

let world;
let context;
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

/** Puts a page on the site and opens it in a new tab; complaints of the page are collected. */
async function open(html, { path = "/", more = "", search = "", to, wait } = {}) {
  world.pages.set(path, html + world.snippet(more));
  const page = to || (await context.newPage());
  page.complaints ??= [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.complaints.push(message.text()));
  await page.goto(world.site + path + search, { waitUntil: wait || "load" });
  return page;
}
const LINE = `<p id=line>Call ${OLD_TEXT} now</p>`;
const shows = (page, number, selector = "#line") =>
  until(async () => (await text(page, selector)).includes(number), `${selector} shows ${number}`);

everywhere("a first visit shows a number of its own in text and link", async () => {
  const page = await open(`${LINE}<a id=link href="tel:${OLD}">Call now</a>`);
  await until(async () => !(await text(page, "#line")).includes(OLD_TEXT), "the number is replaced");
  const number = ANY_NUMBER.exec(await text(page, "#line"))[0];
  const link = await page.getAttribute("#link", "href");
  assert.equal(link, "tel:+1" + number.replace(/\D/g, ""));
  assert.deepEqual(page.complaints, []);
  const stored = await kept(page);
  assert.match(stored.visit, /^VI/);
  assert.equal(stored.number, link.slice(4));
});

everywhere("a returning visitor with a live lease makes no request", async () => {
  const page = await open(LINE);
  await until(async () => !(await text(page, "#line")).includes(OLD_TEXT), "the number is replaced");
  const number = ANY_NUMBER.exec(await text(page, "#line"))[0];
  const asked = [];
  context.on("request", (request) => /lookup|release/.test(request.url()) && asked.push(request.url()));
  for (const path of ["/", "/second"]) {
    world.pages.set(path, LINE + world.snippet());
    await page.evaluate((path) => (location.href = path + "#again"), path);
    await page.waitForURL("**" + path + "#again");
    await shows(page, number);
  }
  const other = await open(LINE, { path: "/third" });
  await shows(other, number);
  await pause(1200);
  assert.deepEqual(asked, []);
});

test("what the platform is asked follows the protocol", async () => {
  const page = await open(LINE, { search: "?utm_source=g&gclid=abc&other=1" });
  await shows(page, NEW_TEXT);
  const [asked, more] = world.platform.asked;
  assert.equal(more, undefined);
  assert.match(asked.type, /^text\/plain/);
  assert.equal(asked.tag, tag);
  assert.equal(asked.visit, undefined);
  assert.deepEqual(asked.page, { url: `${world.site}/?utm_source=g&gclid=abc&other=1`, referrer: "" });
  assert.deepEqual(asked.params, { utm_source: "g", gclid: "abc" });
  assert.equal(asked.first.gclid, "abc");
  assert.equal(asked.first.url, asked.page.url);
  assert.ok(Math.abs(Date.parse(asked.first.at) - Date.now()) < 60_000);
  assert.deepEqual(asked.last, asked.first);
});

test("text, links and labels are replaced; what is not for reading, or not the number, stays", async () => {
  const page = await open(`
    <p id=split><b>800</b>-555-<i><span>01</span>00</i>!</p>
    <p id=plain>8005550100 and +1 800.555.0100</p>
    <a id=link href="tel:1-800-555-0100" aria-label="Call 800-555-0100">x</a>
    <a id=other href="tel:+18005550199">800-555-0199</a>
    <a id=web href="/page?n=8005550100">x</a>
    <p id=edit contenteditable>800-555-0100</p><p id=keep data-ccp-keep>800-555-0100</p><textarea id=area>800-555-0100</textarea>
    <input id=input value="800-555-0100"><script id=code>window.n = "800-555-0100"</script>
    <table><tr><td id=a>1</td><td id=b>8005550100</td></tr></table>
    <div style="display:flex"><span>5</span><span id=flex>800-555-0100</span></div>`);
  await shows(page, "415-555-0123!", "#split");
  assert.equal(await page.innerHTML("#split"), "<b>415</b>-555-<i><span>01</span>23</i>!");
  assert.equal(await text(page, "#plain"), "4155550123 and +1 415.555.0123");
  assert.equal(await page.getAttribute("#link", "href"), "tel:1-415-555-0123");
  assert.equal(await page.getAttribute("#link", "aria-label"), "Call 415-555-0123");
  assert.equal(await page.getAttribute("#other", "href"), "tel:+18005550199");
  assert.equal(await page.getAttribute("#web", "href"), "/page?n=8005550100");
  assert.equal(await text(page, "#other"), "800-555-0199");
  for (const id of ["edit", "keep"]) assert.equal(await text(page, "#" + id), "800-555-0100");
  for (const id of ["area", "input"]) assert.equal(await page.inputValue("#" + id), "800-555-0100");
  assert.equal(await page.evaluate(() => window.n), "800-555-0100");
  assert.equal(await text(page, "#a"), "1");
  assert.equal(await text(page, "#b"), "4155550123");
  assert.equal(await text(page, "#flex"), "415-555-0123");
});

test("a selector replaces whatever number stands in its elements, and only there", async () => {
  Object.assign(world.platform, { replace: { numbers: [], selectors: [".phone", "]not a selector["] }, ttl: 2500 });
  const page = await open(`<p id=chosen class=phone>Tel. (212) 555-0187</p><p id=other>(212) 555-0187</p>
    <a id=link class=phone href="tel:+12125550187">Call today</a>`);
  await shows(page, "Tel. " + NEW_TEXT, "#chosen");
  assert.equal(await text(page, "#other"), "(212) 555-0187");
  assert.equal(await page.getAttribute("#link", "href"), "tel:+14155550123");
  assert.equal(await text(page, "#link"), "Call today");
  await page.evaluate(() => document.body.append(document.querySelector("#chosen").cloneNode(true)));
  await shows(page, "(212) 555-0187", "#chosen");
  assert.ok(!(await page.content()).includes("415"), "no copy keeps the number either");
});

const SHADOW = `<script>
  const fill = (host) => (host.attachShadow({ mode: "open" }).innerHTML = "<p>800-555-0100</p>");
  addEventListener("DOMContentLoaded", () => fill(document.querySelector("#plain")));
  window.defineLate = () => customElements.define("late-phone", class extends HTMLElement { connectedCallback() { fill(this); } });
</script><div id=plain></div><late-phone id=late></late-phone>`;
const inside = (page, id) => page.evaluate((id) => document.getElementById(id).shadowRoot?.textContent, id);

test("shadow roots are searched where the tag says so, those attached later too", async () => {
  world.platform.replace = { shadow: true };
  const page = await open(SHADOW + LINE);
  await shows(page, NEW_TEXT);
  assert.equal(await inside(page, "plain"), "415-555-0123");
  await page.evaluate(() => window.defineLate());
  assert.equal(await inside(page, "late"), "415-555-0123");
  await page.evaluate(() => (document.querySelector("#plain").shadowRoot.innerHTML = "<b>or 800-555-0100</b>"));
  assert.equal(await inside(page, "plain"), "or 415-555-0123");
});

test("shadow roots are left alone otherwise", async () => {
  const page = await open(SHADOW + LINE);
  await shows(page, NEW_TEXT);
  assert.equal(await inside(page, "plain"), "800-555-0100");
});

test("a single-page application never paints the original after navigating", async () => {
  const page = await open(LINE + "<main id=main></main>");
  await shows(page, NEW_TEXT);
  const painted = await page.evaluate(async () => {
    const texts = [];
    for (let i = 0; i < 20; i++) {
      history.pushState({}, "", "/view/" + i);
      document.querySelector("#main").innerHTML = `<h1>View ${i}</h1><p>Ring 800-555-0100</p><a href="tel:8005550100">x</a>`;
      document.querySelector("#main").append("or 800-", Object.assign(document.createElement("b"), { textContent: "555-0100" }));
      // What a frame callback sees is what is painted next.
      await new Promise(requestAnimationFrame);
      texts.push(document.querySelector("#main").innerHTML);
    }
    return texts;
  });
  for (const html of painted) {
    assert.ok(!html.includes("800"), html);
    assert.ok(html.includes("Ring 415-555-0123") && html.includes("tel:4155550123") && html.includes("or 415-<b>555-0123"), html);
  }
  assert.equal(world.platform.asked.length, 1);
  await page.evaluate(() => history.pushState({}, "", "/offer?gclid=late"));
  await until(() => world.platform.values()[0], "the new click id is sent");
  const [{ params, last, first }] = world.platform.values();
  assert.equal(params.gclid, "late");
  assert.equal(last.gclid, "late");
  assert.equal(first.gclid, undefined);
});

test("values pushed before and after the answer reach the visit, a few times per page", async () => {
  world.platform.delay = 300;
  const page = await open(`<script>
    _ccp = [{ early: "yes", count: 0 }];
    (window._rgba_tags = window._rgba_tags || []).push({ type: "User", clickid: "rt-1" });
  </script>` + LINE);
  await page.evaluate(() => window._ccp.push({ during: "<img src=x onerror=alert(1)>" }));
  await shows(page, NEW_TEXT);
  const [asked] = world.platform.questions();
  assert.deepEqual(asked.params, { early: "yes", count: "0", clickid: "rt-1" });
  await until(() => world.platform.values()[0], "what came during the question is sent");
  assert.equal(world.platform.values()[0].params.during, "<img src=x onerror=alert(1)>");
  assert.equal(world.platform.values()[0].visit, "VI1");
  for (let i = 0; i < 12; i++) {
    await page.evaluate((i) => window._rgba_tags.push({ type: "User", ["late" + i]: i }), i);
    await pause(400);
  }
  assert.equal(world.platform.values().length, 5);
  assert.equal(await page.evaluate(() => window._rgba_tags.length), 13, "what else listens to the queue still hears everything");
});

test("RedTrack's id is found late, and searching for it ends", async () => {
  const page = await open(`<script>
    window.reads = 0; let id;
    Object.defineProperty(window, "rtkClickID", { get() { window.reads++; return id; }, set(value) { id = value; } });
  </script>` + LINE);
  await shows(page, NEW_TEXT);
  await page.evaluate(() => (window.rtkClickID = "rtk-late"));
  await until(() => world.platform.values()[0], "the id is sent");
  assert.equal(world.platform.values()[0].params.clickid, "rtk-late");

  const cookie = await open(`<script>document.cookie = "rtkclickid-store=rtk-cookie"</script>` + LINE, { path: "/cookie" });
  await until(() => world.platform.values().at(-1).params.clickid === "rtk-cookie", "the cookie's id is sent");
  await cookie.evaluate(() => {
    document.cookie = "rtkclickid-store=; max-age=0";
    localStorage["rtkclickid-store"] = "rtk-stored";
  });
  await open(LINE, { path: "/stored" });
  await until(() => world.platform.values().at(-1).params.clickid === "rtk-stored", "the stored id is sent");
});

test("RedTrack is looked for five times within thirty seconds and no more", async () => {
  const page = await context.newPage();
  await page.clock.install();
  await open(`<script>
    window.reads = [];
    Object.defineProperty(window, "rtkClickID", { get() { window.reads.push(performance.now()); } });
  </script>` + LINE, { to: page });
  for (let i = 0; i < 60; i++) await page.clock.runFor(1000);
  const reads = await page.evaluate(() => window.reads);
  assert.equal(reads.length, 5);
  assert.ok(reads[4] - reads[0] < 30_000 && reads[4] - reads[0] > 10_000, String(reads));
});

test("an exhausted pool leaves the page as it is and is not asked again and again", async () => {
  world.platform.pool = [];
  const page = await open(LINE);
  await until(() => world.platform.asked[0], "the question");
  for (let i = 0; i < 6; i++) await pause(300).then(() => use(page));
  assert.equal(await text(page, "#line"), `Call ${OLD_TEXT} now`);
  assert.equal(world.platform.asked.length, 1);
});

test("an error, an unknown tag or no JSON leaves the page as it is, with one more try", async () => {
  const byTag = (world.platform.byTag = { TTerror: { status: 500 }, TTunknown: { status: 404 }, TTjunk: { answer: "<html>" } });
  const asked = (of) => world.platform.asked.filter((each) => each.tag === of);
  const pages = [];
  for (const of of Object.keys(byTag)) {
    const page = await context.newPage();
    page.complaints = [];
    page.on("pageerror", (error) => page.complaints.push(String(error)));
    page.on("console", (message) => message.type() === "error" && page.complaints.push(message.text()));
    world.pages.set("/" + of, LINE + world.snippet("", of));
    await page.goto(world.site + "/" + of);
    pages.push(page);
  }
  await until(() => asked("TTjunk").length === 2, "one more try");
  for (let i = 0; i < 7; i++) await pause(1000).then(() => Promise.all(pages.map(use)));
  for (const of of Object.keys(byTag)) {
    assert.equal(asked(of).length, 2, of);
    assert.ok(asked(of)[1].at - asked(of)[0].at >= 4900, of);
  }
  for (const page of pages) {
    assert.equal(await text(page, "#line"), `Call ${OLD_TEXT} now`);
    // The browser itself notes a failed request; from the script comes nothing.
    assert.deepEqual(page.complaints.filter((each) => !/Failed to load resource/.test(each)), []);
  }
});

test("strange answers are not shown", async () => {
  const replace = { numbers: [OLD] };
  const strange = [
    { number: "<img src=x onerror=alert(1)>", display: "x", ttl_ms: 1e5, replace },
    { number: "+14155550123", display: "<b>(415)</b>", ttl_ms: 1e5, replace: { numbers: ["+442071234567"] } },
    { number: "+14155550123", display: "(415) 555-0123", replace },
    { number: "+14155550123", display: "(415) 555-0123", ttl_ms: -5, replace },
    [],
    null,
    { number: 4155550123, display: {}, ttl_ms: "x", replace: 5 },
  ];
  const page = await context.newPage();
  for (const answer of strange) {
    world.platform.reset();
    world.platform.answer = answer ?? "null";
    await context.clearCookies();
    await page.goto(world.site + "/nothing");
    await page.evaluate(() => localStorage.clear());
    await open(LINE + "<p>020 7123 4567</p>", { to: page });
    await until(() => world.platform.asked[0], "the question");
    await pause(150);
    const html = await page.content();
    assert.equal(await text(page, "#line"), `Call ${OLD_TEXT} now`, JSON.stringify(answer));
    assert.ok(!/<img|<b>/.test(html), JSON.stringify(answer));
  }
});

test("hostile parameters and stored text reach no markup", async () => {
  const page = await open(LINE, { search: "?utm_source=%3Cimg%20src%3Dx%20onerror%3D%22window.hit%3D1%22%3E&gclid=%22%3E%3Cscript%3Ewindow.hit%3D1%3C%2Fscript%3E" });
  await shows(page, NEW_TEXT);
  assert.equal(world.platform.asked[0].params.utm_source, '<img src=x onerror="window.hit=1">');
  await page.evaluate((key) => {
    const kept = JSON.parse(localStorage[key]);
    localStorage[key] = JSON.stringify({ ...kept, display: "<img src=x onerror='window.hit=1'>", number: "javascript:alert(1)" });
  }, "ccp:" + tag);
  await open(LINE + `<a id=link href="tel:${OLD}">x</a>`, { to: page, path: "/next" });
  await pause(300);
  assert.equal(await page.evaluate(() => window.hit), undefined);
  assert.match(await page.getAttribute("#link", "href"), /^tel:\+\d+$/);
  for (const junk of ["5", "null", "{", '{"tabs":1}', '{"tabs":{},"number":"+14155550123","expires_at":"x","seen_at":{}}']) {
    await page.evaluate(([key, junk]) => (localStorage[key] = junk), ["ccp:" + tag, junk]);
    const before = world.platform.asked.length;
    await open(LINE, { to: page, path: "/junk" });
    await until(() => world.platform.asked.length > before, `asks anew after ${junk}`);
    await shows(page, "(415) 555-012");
  }
  assert.deepEqual(page.complaints, []);
});

test("a blocked script leaves the page as it is", async () => {
  await context.route(/ccp\.js/, (route) => route.abort());
  const page = await open(LINE);
  await pause(300);
  assert.equal(await text(page, "#line"), `Call ${OLD_TEXT} now`);
  assert.deepEqual(page.complaints.filter((each) => !/Failed to load resource/.test(each)), []);
});

test("a slow answer is shown when it comes, one slower than three seconds is given up", async () => {
  world.platform.delay = 2000;
  const page = await open(LINE);
  assert.equal(await text(page, "#line"), `Call ${OLD_TEXT} now`);
  await shows(page, NEW_TEXT);
  world.platform.delay = 4000;
  world.platform.asked = [];
  const slow = await (await world.browser.newContext()).newPage();
  await open(LINE, { to: slow });
  await until(() => world.platform.asked.length === 1, "the question");
  await pause(4500);
  assert.equal(await text(slow, "#line"), `Call ${OLD_TEXT} now`);
  await slow.context().close();
});

test("a slow script delays nothing of the page", async () => {
  world.platform.scriptDelay = 1500;
  const began = Date.now();
  const page = await open(LINE, { wait: "domcontentloaded" });
  assert.equal(await text(page, "#line"), `Call ${OLD_TEXT} now`);
  assert.ok(Date.now() - began < 1400);
  await shows(page, NEW_TEXT);
});

const STYLED = `<style>body{font:20px/1.5 Arial,"Liberation Sans",sans-serif;margin:24px;width:720px}header{display:flex;justify-content:space-between}
  .call{background:#0a5;color:#fff;padding:8px 16px;border-radius:6px;text-decoration:none}</style>
  <header><b>Roofs &amp; Gutters</b><a class=call href="tel:${OLD}">Call 800-555-0100</a></header>
  <h1>Call (800) 555-0100 today</h1><p>Our people answer <b>800</b>-555-0100 day and night. Or write to us, or come by; the kettle is on
  and +1 800.555.0100 is answered by a person.</p><p id=line>Call ${OLD_TEXT} now</p>`;

test("nothing moves when the number is replaced, and nothing when it is put back", async () => {
  await mkdir(new URL("../../../.artifacts/dni/", import.meta.url), { recursive: true });
  const shot = (name) => page.screenshot({ path: new URL(`../../../.artifacts/dni/${name}.png`, import.meta.url).pathname });
  Object.assign(world.platform, { delay: 600, ttl: 3000 });
  const page = await open(`<script>
    window.shifts = [];
    new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map((each) => each.value)))
      .observe({ type: "layout-shift", buffered: true });
  </script>` + STYLED);
  const boxes = () =>
    page.evaluate(() => [...document.querySelectorAll("body *")].map((each) => JSON.stringify(each.getBoundingClientRect())));
  const original = await boxes();
  await shot("before");
  await shows(page, NEW_TEXT);
  await shot("after");
  assert.deepEqual(await boxes(), original, "every element has its place and size");
  await shows(page, OLD_TEXT);
  await pause(200);
  await shot("expired");
  assert.deepEqual(await boxes(), original);
  assert.deepEqual(await page.evaluate(() => window.shifts), []);
});

test("with a stored lease the number stands there as soon as the script has run", async () => {
  const page = await open(LINE);
  await shows(page, NEW_TEXT);
  // In the page's own order: the script's load event comes right after it ran, before anything is painted.
  world.pages.set("/again", LINE + world.snippet('onload="window.then = document.querySelector(`#line`).innerText"') + `<p id=below>800-555-0100</p>`);
  await page.goto(world.site + "/again");
  assert.match(await page.evaluate(() => window.then), /415/);
  assert.equal(await text(page, "#below"), "415-555-0123", "what was parsed later is replaced too");
});

test("a page with 5,000 text nodes is worked on in turns shorter than a frame", async () => {
  const many = Array.from({ length: 5000 }, (_, i) => `<p>Line ${i} <i>ring</i> ${i % 5 ? i * 7919 : "800-555-0100"}</p>`).join("");
  // Other work on this machine may hold up a turn, so the best of three runs counts.
  let best = { longest: Infinity };
  for (let run = 0; run < 3 && best.longest >= 16; run++) {
    const fresh = await world.browser.newContext();
    const page = await fresh.newPage();
    await page.addInitScript(() => {
      window.turns = [];
      let turn;
      const next = NodeIterator.prototype.nextNode;
      NodeIterator.prototype.nextNode = function () {
        if (!turn) {
          window.turns.push((turn = { began: performance.now() }));
          const channel = new MessageChannel();
          channel.port1.onmessage = () => (turn = null);
          channel.port2.postMessage(0);
        }
        const node = next.call(this);
        turn.took = performance.now() - turn.began;
        return node;
      };
    });
    await open(LINE + many + "<p id=end>800-555-0100</p>", { to: page });
    await shows(page, "415-555-0123", "#end");
    await pause(300);
    const left = await page.evaluate(() => (document.body.innerText.match(/800-555-0100/g) || []).length);
    assert.equal(left, 0);
    const turns = await page.evaluate(() => window.turns.map((each) => each.took));
    if (Math.max(...turns) < best.longest) best = { longest: Math.max(...turns), turns: turns.length };
    await fresh.close();
  }
  console.log(`5,000 lines: ${best.turns} turns, the longest ${best.longest.toFixed(1)} ms`);
  assert.ok(best.longest < 16, `the longest turn took ${best.longest} ms`);
});

test("at the end of the lease the original is there again, copies of the page's own included", async () => {
  world.platform.ttl = 2500;
  const page = await open(LINE + `<p id=split><b>800</b>-555-0100</p><a id=link href="tel:8005550100">x</a><div id=box></div>`);
  await shows(page, NEW_TEXT);
  await page.evaluate(() => {
    const box = document.querySelector("#box");
    box.append(document.querySelector("#line").cloneNode(true));
    box.insertAdjacentHTML("beforeend", document.querySelector("#line").innerHTML);
    window.removed = document.querySelector("#line").cloneNode(true);
  });
  await shows(page, OLD_TEXT);
  assert.equal(await page.innerHTML("#split"), "<b>800</b>-555-0100");
  assert.equal(await page.getAttribute("#link", "href"), "tel:8005550100");
  await page.evaluate(async () => {
    document.body.append(window.removed);
    await new Promise(requestAnimationFrame);
  });
  assert.ok(!(await page.content()).includes("415"));
  assert.equal(world.platform.asked.length, 1, "a page nobody uses does not ask");
  await use(page);
  await pause(700);
  assert.equal(world.platform.asked.length, 1, "not before the time of a renewal");
});

test("a page in use renews, an idle one lets its lease run out and asks anew when it is used", async () => {
  Object.assign(world.platform, { ttl: 3500, renew: 1000 });
  const page = await open(LINE);
  await shows(page, NEW_TEXT);
  const end = Date.now() + 5000;
  while (Date.now() < end) {
    await use(page);
    await pause(200);
    assert.match(await text(page, "#line"), /415/);
  }
  const asked = world.platform.asked.length;
  assert.ok(asked >= 3 && asked <= 7, `${asked} questions in five seconds`);
  assert.match(world.platform.asked[1].lease, /^lease-\+14155550123/);
  assert.equal(world.platform.asked[1].visit, "VI1");
  await shows(page, OLD_TEXT);
  const idle = world.platform.asked.length;
  assert.ok(idle <= asked + 1);
  await pause(1500);
  assert.equal(world.platform.asked.length, idle);
  await use(page);
  await shows(page, NEW_TEXT);
});

test("a renewal with another number replaces the one that is gone", async () => {
  Object.assign(world.platform, { ttl: 4000, renew: 700 });
  const page = await open(LINE);
  await shows(page, NEW_TEXT);
  world.platform.pool.shift();
  await use(page);
  await shows(page, SECOND_TEXT);
  assert.ok(!(await page.content()).includes("0123"));
});

test("a hidden page asks nothing, shows the original when its lease is over, and asks when it is seen again", async () => {
  Object.assign(world.platform, { ttl: 2500, renew: 800 });
  const page = await open(LINE);
  await shows(page, NEW_TEXT);
  await setHidden(page, true);
  await use(page);
  await shows(page, OLD_TEXT);
  assert.equal(world.platform.asked.length, 1);
  await setHidden(page, false);
  await shows(page, NEW_TEXT);
  assert.equal(world.platform.asked.length, 2);
});

test("a page opened in the background asks only when it is seen", async () => {
  const page = await context.newPage();
  await page.addInitScript(() => Object.defineProperty(document, "hidden", { value: true, configurable: true }));
  await open(LINE, { to: page });
  await pause(900);
  assert.equal(world.platform.asked.length, 0);
  await setHidden(page, false);
  await shows(page, NEW_TEXT);
});

const CLOCK = () => {
  const real = Date.now;
  window.ahead = Number(sessionStorage.ahead || 0);
  Date.now = () => real() + window.ahead;
};
const setClock = (page, ahead) => page.evaluate((ahead) => (window.ahead = sessionStorage.ahead = ahead), ahead);

test("a wall clock set back extends no lease, on the page or the next one", async () => {
  world.platform.ttl = 4000;
  const page = await context.newPage();
  await page.addInitScript(CLOCK);
  await open(LINE, { to: page });
  await shows(page, NEW_TEXT);
  await setClock(page, -3_600_000);
  await shows(page, OLD_TEXT);
  world.platform.status = 500;
  await open(LINE, { to: page, path: "/next" });
  await pause(700);
  assert.equal(await text(page, "#line"), `Call ${OLD_TEXT} now`);
});

test("a machine that slept, or a clock set forward, ends the lease at once", async () => {
  const page = await context.newPage();
  await page.addInitScript(CLOCK);
  await open(LINE, { to: page });
  await shows(page, NEW_TEXT);
  world.platform.status = 500;
  const shown = await page.evaluate(async () => {
    window.ahead = 299_500;
    // A tap on a link right after waking up, before any timer.
    document.body.click();
    return document.querySelector("#line").innerText;
  });
  assert.match(shown, /800/);
});

test("a frozen page holds no number, a resumed one shows its own again", async () => {
  const page = await open(LINE);
  await shows(page, NEW_TEXT);
  await setHidden(page, true);
  assert.match(await text(page, "#line"), /415/);
  const frozen = await page.evaluate(() => {
    document.dispatchEvent(new Event("freeze", { bubbles: true }));
    return document.querySelector("#line").innerText;
  });
  assert.match(frozen, /800/);
  await pause(700);
  assert.match(await text(page, "#line"), /800/, "no timer brings it back");
  await setHidden(page, false);
  assert.match(await text(page, "#line"), /415/);
  assert.equal(world.platform.asked.length, 1);
  assert.equal(world.platform.released.length, 0);
});

test("the back-forward cache keeps no number; coming back shows it only while the lease lives", async () => {
  Object.assign(world.platform, { ttl: 5000, renew: 4000 });
  const page = await open(`<script>
    window.log = [];
    addEventListener("pagehide", (event) => window.log.push(["hide", event.persisted]));
    addEventListener("visibilitychange", () => window.log.push(["seen", document.hidden, document.querySelector("#line").innerText]), true);
    addEventListener("pageshow", (event) => window.log.push(["show", event.persisted, document.querySelector("#line").innerText]), true);
  </script>` + LINE);
  await shows(page, NEW_TEXT);
  world.pages.set("/plain", "<p id=line>no number here</p>");
  await page.goto(world.site + "/plain");
  await page.goBack({ waitUntil: "commit" });
  await until(() => page.evaluate(() => window.log?.at(-1)?.[1] === true), "the page came from the back-forward cache");
  // The first thing a page hears when it comes back.
  const log = await page.evaluate(() => window.log);
  const back = log[log.findIndex(([what, persisted]) => what === "hide" && persisted) + 1];
  assert.match(back[2], /800/, JSON.stringify(log));
  await shows(page, NEW_TEXT);
  assert.equal(world.platform.asked.length, 1);
  await page.goForward({ waitUntil: "commit" });
  await pause(5200);
  world.platform.status = 500;
  await page.goBack({ waitUntil: "commit" });
  await until(() => page.evaluate(() => window.log?.filter((each) => each[1] === true && each[0] === "show").length === 2), "back again");
  await pause(300);
  assert.match(await text(page, "#line"), /800/);
});

test("two tabs show one number; only the last one that closes gives it back", async () => {
  const one = await open(LINE);
  await shows(one, NEW_TEXT);
  const two = await open(LINE, { path: "/two" });
  await shows(two, NEW_TEXT);
  assert.equal(world.platform.asked.length, 1);
  await one.close({ runBeforeUnload: true });
  await pause(700);
  assert.equal(world.platform.released.length, 0);
  assert.match(await text(two, "#line"), /415/);
  await two.close({ runBeforeUnload: true });
  await until(() => world.platform.released[0], "the lease is released");
  assert.match(world.platform.released[0].type, /^text\/plain/);
  assert.match(world.platform.released[0].lease, /^lease-\+14155550123/);
  assert.equal(world.platform.released[0].tag, tag);
});

test("a renewal in one tab reaches the other without a question", async () => {
  Object.assign(world.platform, { ttl: 3500, renew: 1000 });
  const one = await open(LINE);
  await shows(one, NEW_TEXT);
  const two = await open(LINE, { path: "/two" });
  await setHidden(two, true);
  for (let i = 0; i < 18; i++) {
    await use(one);
    await pause(200);
    assert.match(await text(two, "#line"), /415/);
  }
  world.platform.pool.shift();
  await use(one);
  await shows(one, SECOND_TEXT);
  await shows(two, SECOND_TEXT);
});

test("a visitor who stays on the site keeps the number: no release, no question", async () => {
  const page = await open(LINE + `<a id=next href="/next">next</a><button id=go onclick="location.href='/next'">go</button>`);
  world.pages.set("/next", LINE + world.snippet());
  await shows(page, NEW_TEXT);
  for (const step of [() => page.click("#next"), () => page.evaluate(() => location.reload()), () => page.goBack({ waitUntil: "commit" }), () => page.click("#go")]) {
    await step();
    await pause(200);
    await shows(page, NEW_TEXT);
  }
  assert.equal(world.platform.released.length, 0);
  assert.equal(world.platform.asked.length, 1);
});

test("the browser's own reload button, which tells nothing beforehand, costs a question but no flash", async () => {
  const page = await open(LINE);
  await shows(page, NEW_TEXT);
  world.platform.delay = 1000;
  await page.reload();
  assert.match(await text(page, "#line"), /415/);
  await until(() => world.platform.asked[1], "the question");
  await pause(1200);
  assert.match(await text(page, "#line"), /415/);
});

test("a released number is not shown any more when its short time is over", async () => {
  const page = await context.newPage();
  await page.addInitScript(CLOCK);
  await open(LINE, { to: page });
  await shows(page, NEW_TEXT);
  await page.close({ runBeforeUnload: true });
  await until(() => world.platform.released[0], "the release");
  world.platform.status = 500;
  const soon = await open(LINE);
  assert.match(await text(soon, "#line"), /415/);
  await soon.close();
  const late = await context.newPage();
  await late.addInitScript(CLOCK);
  await late.addInitScript(() => (window.ahead = 20_500));
  await open(LINE, { to: late });
  await pause(700);
  assert.equal(await text(late, "#line"), `Call ${OLD_TEXT} now`);
});

test("a visitor who comes back right after a release still sees the number, which is asked for again at once", async () => {
  const page = await open(LINE);
  await shows(page, NEW_TEXT);
  await page.close({ runBeforeUnload: true });
  await until(() => world.platform.released[0], "the release");
  world.platform.delay = 1000;
  const again = await open(LINE);
  assert.match(await text(again, "#line"), /415/, "the number is nobody else's yet");
  await until(() => world.platform.asked[1], "the question");
  assert.equal(world.platform.asked[1].visit, "VI1");
  assert.match(world.platform.asked[1].lease, /^lease-\+14155550123/);
  await pause(1500);
  assert.ok((await kept(again)).expires_at > Date.now() + 200_000, "it is leased again");
});

test("a returning visitor's new click is sent, and the touches tell first from last", async () => {
  const page = await open(LINE, { search: "?gclid=one" });
  await shows(page, NEW_TEXT);
  world.pages.set("/landing", LINE + world.snippet());
  await page.evaluate(() => (location.href = "/landing?fbclid=two"));
  await until(() => world.platform.values()[0], "the click is sent");
  const [{ first, last, params, visit }] = world.platform.values();
  assert.deepEqual([first.gclid, last.fbclid, last.gclid, params.fbclid, visit], ["one", "two", undefined, "two", "VI1"]);
  await page.evaluate(() => location.reload());
  await pause(900);
  await shows(page, NEW_TEXT);
  assert.equal(world.platform.asked.length, 2, "loading it again says nothing new");
});

test("parameters that only the tag names are kept from the first visit on", async () => {
  world.platform.replace = { keep: ["sub_id"] };
  const page = await open(LINE, { search: "?sub_id=42&secret=1" });
  await until(() => world.platform.values()[0], "the parameter is sent once it is known");
  assert.deepEqual(world.platform.values()[0].params, { sub_id: "42" });
  const stored = await kept(page);
  assert.equal(stored.first.sub_id, "42");
  assert.equal(stored.first.secret, undefined);
});

test("without consent nothing is stored, read or sent; withdrawing it erases, restores and releases", async () => {
  const page = await open(LINE, { more: 'data-consent="wait"', search: "?gclid=a" });
  await page.evaluate(() => window._ccp.push({ later: 1 }));
  await pause(900);
  assert.equal(world.platform.asked.length, 0);
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  await page.evaluate(() => window._ccp.push({ consent: true }));
  await shows(page, NEW_TEXT);
  assert.deepEqual(world.platform.asked[0].params, { gclid: "a", later: "1" });
  const other = await open(LINE, { path: "/other", more: 'data-consent="wait"' });
  await other.evaluate(() => window._ccp.push({ consent: true }));
  await shows(other, NEW_TEXT);
  await page.evaluate(() => window._ccp.push({ consent: false }));
  assert.equal(await text(page, "#line"), `Call ${OLD_TEXT} now`);
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  await until(() => world.platform.released[0], "the release");
  await shows(other, OLD_TEXT);
  await use(other);
  await pause(900);
  assert.equal(await page.evaluate(() => localStorage.length), 0, "the other page writes nothing back");
  assert.equal(world.platform.questions().length, 1);
});

test("consent withdrawn while the question is under way gives the number back unseen", async () => {
  world.platform.delay = 500;
  const page = await open(LINE);
  await until(() => world.platform.asked[0], "the question");
  await page.evaluate(() => window._ccp.push({ consent: false }));
  await until(() => world.platform.released[0], "the release");
  assert.equal(await text(page, "#line"), `Call ${OLD_TEXT} now`);
  assert.equal(await page.evaluate(() => localStorage.length), 0);
});

test("where storage is blocked every page stands alone", async () => {
  const page = await context.newPage();
  await page.addInitScript(() =>
    Object.defineProperty(window, "localStorage", { get() { throw new DOMException("no", "SecurityError"); } }),
  );
  world.platform.renew = 1000;
  await open(LINE, { to: page });
  await shows(page, NEW_TEXT);
  await pause(1200);
  await use(page);
  await until(() => world.platform.asked.length === 2, "the renewal");
  assert.match(world.platform.asked[1].lease, /^lease/);
  await shows(page, NEW_TEXT);
  await page.close({ runBeforeUnload: true });
  await until(() => world.platform.released[0], "the release");
  assert.deepEqual(page.complaints, []);
});

test("a page that puts its own text back wins, and goes on working", async () => {
  const page = await open(LINE + `<p id=fight>800-555-0100</p><script>
    window.rounds = 0;
    const put = () => { if (!/^800/.test(fight.textContent)) { window.rounds++; fight.firstChild.data = "800-555-0100"; } };
    new MutationObserver(put).observe(fight, { characterData: true, subtree: true });
  </script>`);
  await shows(page, NEW_TEXT);
  await pause(300);
  assert.ok((await page.evaluate(() => window.rounds)) <= 60);
  assert.equal(await text(page, "#fight"), "800-555-0100");
});

test("the snippet twice is one script", async () => {
  const page = await open(LINE + world.snippet());
  await shows(page, NEW_TEXT);
  await pause(600);
  assert.equal(world.platform.asked.length, 1);
});

test("a fixed number is shown without a lease and released by nobody", async () => {
  world.platform.answer = {
    visit: "VI9", lease: null, number: "+14155550199", display: "(415) 555-0199", ttl_ms: 60_000, renew_ms: 60_000,
    replace: { numbers: [OLD] }, attributed: true,
  };
  const page = await open(LINE);
  await shows(page, "(415) 555-0199");
  await page.close({ runBeforeUnload: true });
  await pause(400);
  assert.equal(world.platform.released.length, 0);
});

// The promise behind all of this, looked at from outside: several visitors open, use, leave and reopen pages at random, and everything
// the browsers display is noted with its time. Lease times are short here, and so is the script's time after a release.
test("no number is displayed to two visitors at once, whatever they do", async () => {
  const { platform } = world;
  const SHORT = 1000;
  platform.script = Buffer.from(String(platform.script).replace(/\b2e4\b/g, SHORT));
  assert.ok(String(platform.script).includes(SHORT), "the time after a release was found in the script");
  Object.assign(platform, { ttl: 2500, renew: 700, closedDelay: SHORT + 200, pool: platform.pool.slice(0, 3) });
  const watch = (visitor) => {
    // Notes what stands on the page: at every frame while the page is seen, when it comes back, and when a link is tapped.
    let last;
    const look = () => {
      if (document.hidden || !document.body) return;
      const found = document.body.innerText.match(/\(415\) 555-\d{4}/)?.[0] || null;
      const links = [...document.querySelectorAll("[href^=tel]")].map((each) => each.href).join();
      if (found && links !== "tel:+1" + found.replace(/\D/g, "")) window.torn = found + links;
      const now = performance.timeOrigin + performance.now();
      if (found !== last?.number) {
        if (last?.number) note({ ...last, to: now });
        last = { visitor, number: found, from: now };
      }
    };
    const note = (entry) => navigator.sendBeacon("/seen", JSON.stringify([entry]));
    const frame = () => (look(), requestAnimationFrame(frame));
    frame();
    for (const name of ["pageshow", "visibilitychange", "click"]) addEventListener(name, () => setTimeout(look));
    addEventListener("pagehide", () => {
      if (last?.number) note({ ...last, to: performance.timeOrigin + performance.now() });
      last = null;
    }, true);
  };
  const html = `<p>Call (800) 555-0100 now</p><a id=tel href="tel:${OLD}" onclick="event.preventDefault()">call</a>`;
  for (const path of ["/", "/two", "/three"]) world.pages.set(path, html + world.snippet());
  // The same dice in every run.
  let seed = 20_26;
  const dice = (sides) => ((seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) >> 8) % sides;
  const visitors = [];
  for (let visitor = 0; visitor < 5; visitor++) {
    const one = await world.browser.newContext();
    await one.addInitScript(watch, visitor);
    visitors.push({ context: one, tabs: [] });
  }
  let steps = 0;
  const live = async ({ context: one, tabs }) => {
    const end = Date.now() + 15_000;
    while (Date.now() < end) {
      steps++;
      const tab = tabs[dice(tabs.length || 1)];
      const go = dice(9);
      if (!tab || (go === 0 && tabs.length < 3)) {
        const fresh = await one.newPage();
        await fresh.goto(world.site + "/");
        tabs.push(fresh);
      } else if (go === 1) await tab.goBack({ waitUntil: "commit", timeout: 2000 }).catch(() => {});
      else if (go === 2) await tab.evaluate((path) => void (location.href = path), ["/two", "/three"][dice(2)]).catch(() => {});
      else if (go === 3) await tab.goto(world.elsewhere + "/away").catch(() => {});
      else if (go === 4) await tab.click("#tel", { timeout: 300 }).catch(() => {});
      else if (go === 5) {
        tabs.splice(tabs.indexOf(tab), 1);
        await tab.close({ runBeforeUnload: true });
      } else if (go === 6) await setHidden(tab, !!dice(2)).catch(() => {});
      else await use(tab).catch(() => {});
      await pause(60 + dice(200));
    }
  };
  await Promise.all(visitors.map(live));
  const torn = [];
  for (const { context: one, tabs } of visitors) {
    for (const tab of tabs) torn.push(await tab.evaluate(() => window.torn).catch(() => undefined));
    await one.close();
  }
  await pause(300);
  const shown = world.seen.sort((a, b) => a.from - b.from);
  const overlaps = [];
  shown.forEach((one, at) => {
    for (const two of shown.slice(at + 1)) {
      if (two.from < one.to && one.number === two.number && one.visitor !== two.visitor) overlaps.push([one, two]);
    }
  });
  const holders = new Map();
  for (const { number, visitor } of shown) holders.set(number, (holders.get(number) || new Set()).add(visitor));
  const changed = [...holders.values()].filter((each) => each.size > 1).length;
  console.log(`${steps} steps, ${shown.length} times a number was shown, ${changed} of 3 numbers had several holders, ` +
    `${platform.asked.length} questions, ${platform.released.length} releases`);
  assert.deepEqual(overlaps, []);
  assert.deepEqual(torn.filter(Boolean), [], "text and link always name the same number");
  assert.ok(changed >= 1 && shown.length > 15, "numbers did change hands, else nothing was tested");
});
