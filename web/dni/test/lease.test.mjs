// When a number is shown and when it is not: leases, renewals, clocks, sleep, tabs, navigation, releases.
import assert from "node:assert/strict";
import { kept, pause, setHidden, tag, text, until, use } from "./browser.mjs";
import { ANY_NUMBER, context, everywhere, LINE, NEW_TEXT, OLD, OLD_TEXT, open, SECOND_TEXT, shows, tab, test, world } from "./setup.mjs";

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
  const page = await tab();
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
  const page = await tab();
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

test("nor does one set back by less than the time the page is open", async () => {
  world.platform.ttl = 5000;
  const page = await tab();
  await page.addInitScript(CLOCK);
  await open(LINE, { to: page });
  await shows(page, NEW_TEXT);
  const end = world.platform.asked[0].at + 5000;
  await pause(2000);
  await setClock(page, -1900);
  await pause(end - Date.now() - 1500);
  assert.match(await text(page, "#line"), /415/);
  await pause(end - Date.now());
  assert.match(await text(page, "#line"), /800/);
});

test("a machine that slept, or a clock set forward, ends the lease at once", async () => {
  const page = await tab();
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
  const page = await tab();
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

test("where storage is blocked every page stands alone", async () => {
  const page = await tab();
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
      if (!document.body) return;
      // Nobody sees a hidden page; what counts is that nothing stale stands there when it is seen again.
      const found = (!document.hidden && document.body.innerText.match(/\(415\) 555-\d{4}/)?.[0]) || null;
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
  // The same dice in every run, though not the same moments.
  let seed = 20_26;
  const dice = (sides) => ((seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) >> 8) % sides;
  const visitors = [];
  for (let visitor = 0; visitor < 5; visitor++) {
    const one = await world.browser.newContext();
    await one.addInitScript(watch, visitor);
    visitors.push({ context: one, tabs: [] });
  }
  let steps = 0;
  // Long enough for numbers to change hands, however busy the machine.
  const began = Date.now();
  const enough = () => {
    const handed = platform.pool.reduce((sum, { holders }) => sum + (holders?.size || 1) - 1, 0);
    return Date.now() - began > (handed > 1 ? 12_000 : 40_000);
  };
  const live = async ({ context: one, tabs }) => {
    while (!enough()) {
      steps++;
      const tab = tabs[dice(tabs.length || 1)];
      const go = dice(11);
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
      } else if (go === 6) {
        // Gone for good, and somebody else's turn.
        for (const each of tabs.splice(0)) await each.close({ runBeforeUnload: true });
        await pause(1500);
      } else if (go === 7) await pause(2500);
      else if (go === 8) await setHidden(tab, !!dice(2)).catch(() => {});
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
  assert.ok(changed >= 1 && shown.length > 8, "numbers did change hands, else nothing was tested");
});
