// What the platform is asked and told: the protocol, parameters, click ids, consent, and answers that are none.
import assert from "node:assert/strict";
import { kept, pause, tag, text, until, use } from "./browser.mjs";
import { context, LINE, NEW_TEXT, OLD, OLD_TEXT, open, shows, tab, test, world } from "./setup.mjs";

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
  const page = await tab();
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
    const page = await tab();
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
  const page = await tab();
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
    assert.ok(!(await text(page)).includes("<"), JSON.stringify(answer));
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
