// What is found on a page and what is written there: text, links, shadow roots, single-page applications, layout.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { kept, pause, tag, text, until } from "./browser.mjs";
import { ANY_NUMBER, context, everywhere, LINE, NEW_TEXT, OLD, OLD_TEXT, open, shows, test, world } from "./setup.mjs";

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
