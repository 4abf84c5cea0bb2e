import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./load.mjs";

const { ANY, pattern, rewrite } = await load("numbers");
const { add, pick, redtrackId } = await load("touch");
const { remaining } = await load("lease");

const NEW = "+14155550123";
const swap = (text, old = "+18005550100", number = NEW, display = "(415) 555-0123") =>
  rewrite(text, pattern([old]), number, display);

// Every common way of writing a number: what is written in its place has the same shape.
const SHAPES = [
  ["8005550100", "4155550123"],
  ["18005550100", "14155550123"],
  ["+18005550100", "+14155550123"],
  ["800-555-0100", "415-555-0123"],
  ["1-800-555-0100", "1-415-555-0123"],
  ["+1-800-555-0100", "+1-415-555-0123"],
  ["800.555.0100", "415.555.0123"],
  ["1.800.555.0100", "1.415.555.0123"],
  ["800 555 0100", "415 555 0123"],
  ["+1 800 555 0100", "+1 415 555 0123"],
  ["(800) 555-0100", "(415) 555-0123"],
  ["(800)555-0100", "(415)555-0123"],
  ["1 (800) 555-0100", "1 (415) 555-0123"],
  ["+1 (800) 555-0100", "+1 (415) 555-0123"],
  ["(+1) 800 555 0100", "(+1) 415 555 0123"],

  ["800\u2013555\u20130100", "415\u2013555\u20130123"],
  ["800\u2011555\u20110100", "415\u2011555\u20110123"],
  ["800\u00a0555\u00a00100", "415\u00a0555\u00a00123"],
  ["800 - 555 - 0100", "415 - 555 - 0123"],
  ["800\n  555-0100", "415\n  555-0123"],
  ["Call 800-555-0100 now, or (800) 555-0100!", "Call 415-555-0123 now, or (415) 555-0123!"],
  ["in 2024 (800) 555-0100", "in 2024 (415) 555-0123"],
  ["open 9-5 800-555-0100", "open 9-5 415-555-0123"],
  ["24/7: 800-555-0100.", "24/7: 415-555-0123."],
  ["tel:800-555-0100;ext=5", "tel:415-555-0123;ext=5"],
  ["800-555-0100, 800-555-0199", "415-555-0123, 800-555-0199"],
  ["800-555-0199 800-555-0100", "800-555-0199 415-555-0123"],
];
for (const [before, after] of SHAPES) {
  test(`${JSON.stringify(before)} keeps its shape`, () => assert.equal(swap(before), after));
}

// What only looks like the number stays as it is.
const OTHERS = [
  "800-555-01001",
  "9800-555-0100",
  "9-800-555-0100",
  "+44 800 555 0100",
  "+44 (800) 555 0100",
  "0800 555 0100",
  "(0800) 555 0100",
  "555-0100",
  "$8,005,550,100",
  "800-555-0101",
  "8005550100000",
  "800 5 and 55 0100",
  "",
];
for (const text of OTHERS) {
  test(`${JSON.stringify(text)} is another number and stays`, () => assert.equal(swap(text), text));
}

test("a number of another country is matched as it is written there", () => {
  const london = (text) => swap(text, "+442071234567", "+442079460000", "020 7946 0000");
  assert.equal(london("+44 20 7123 4567"), "+44 20 7946 0000");
  assert.equal(london("+44 (0)20 7123 4567"), "020 7946 0000");
  assert.equal(london("0044 20 7123 4567"), "020 7946 0000");
  assert.equal(london("Ring 020 7123 4567."), "Ring 020 7946 0000.");
  assert.equal(london("(020) 7123 4567"), "020 7946 0000");
});

test("where the digits are not as many, or the country is another, the display form is written", () => {
  const find = pattern(["+18005550100"]);
  assert.equal(rewrite("Call (800) 555-0100 now", find, "", "020 7946 0000"), "Call 020 7946 0000 now");
  assert.equal(swap("+1 800 555 0100 now", undefined, "+4930123456", "030 123456"), "030 123456 now");
});

test("a number over several nodes keeps their borders", () => {
  const nodes = (...texts) => swap(texts.join("\0")).split("\0");
  assert.deepEqual(nodes("800", "-555-", "0100"), ["415", "-555-", "0123"]);
  assert.deepEqual(nodes("", "(800) ", "", "555", "-0100 now", ""), ["", "(415) ", "", "555", "-0123 now", ""]);
  const foreign = rewrite("Ring 8\x00005\x00550100.", pattern(["+18005550100"]), "", "020 7946 0000");
  assert.equal(foreign, "Ring 020 7946 0000\x00\x00.");
});

test("several numbers, of which one is the beginning of a longer word of digits", () => {
  const find = pattern(["+18005550100", "+18005550101"]);
  assert.equal(rewrite("800-555-0100 / 800-555-0101", find, NEW, ""), "415-555-0123 / 415-555-0123");
});

test("no numbers match nothing", () => {
  assert.equal(rewrite("any 800-555-0100 text", pattern([]), NEW, "x"), "any 800-555-0100 text");
});

test("in a chosen element any number is one", () => {
  assert.equal(rewrite("Tel. (212) 555-0187", ANY, NEW, ""), "Tel. (415) 555-0123");
  assert.equal(rewrite("Call us today", ANY, NEW, "x"), "Call us today");
  assert.equal(rewrite("since 1998", ANY, NEW, "x"), "since 1998");
});

test("matching takes linear time on hostile text", () => {
  const began = process.hrtime.bigint();
  for (const text of ["8".repeat(1e5), "(8 ".repeat(5e4), "+1 ".repeat(5e4), "800 - ".repeat(3e4), "80055501".repeat(2e4)]) swap(text);
  assert.ok(Number(process.hrtime.bigint() - began) / 1e6 < 1000);
});

test("the parameters of campaigns and clicks are kept, and those the tag names", () => {
  const url =
    "https://shop.example/?utm_source=g&utm_my_own=1&gclid=a&gbraid=b&wbraid=c&fbclid=d&msclkid=e&ttclid=f" +
    "&clickid=g&rtkcid=h&rtkclickid=i&session=secret&email=x%40y&sub_id=7&q=%3Cscript%3E";
  const names = (keep) => Object.keys(pick(url, keep)).join();
  const always = "utm_source,utm_my_own,gclid,gbraid,wbraid,fbclid,msclkid,ttclid,clickid,rtkcid,rtkclickid";
  assert.equal(names(), always);
  assert.equal(names(["sub_id", "q"]), always + ",sub_id,q");
  assert.equal(pick(url, ["q"]).q, "<script>");
});

test("names and values stay within the limits of the protocol", () => {
  const into = {};
  assert.equal(add(into, { a: "x".repeat(600), ["n".repeat(64)]: 1, ["n".repeat(65)]: 1, none: null, gone: undefined, empty: "" }), true);
  assert.deepEqual(Object.keys(into), ["a", "n".repeat(64)]);
  assert.equal(into.a.length, 512);
  assert.equal(add(into, { a: "x".repeat(512) }), false, "the same value is no news");
  for (let i = 0; i < 100; i++) add(into, { ["p" + i]: i });
  assert.equal(Object.keys(into).length, 50);
  assert.equal(into.p0, "0", "zero and no say something");
  assert.equal(add(into, { a: "new" }), true, "a known name is changed though the table is full");
});

test("a parameter cannot reach the prototype", () => {
  const into = {};
  add(into, JSON.parse('{"__proto__": "x", "constructor": "y"}'));
  assert.equal({}.constructor, Object);
  assert.equal(Object.getPrototypeOf(into), Object.prototype);
});

test("RedTrack's id is taken from the address before the cookie", () => {
  assert.equal(redtrackId({ rtkcid: "a" }, "rtkclickid-store=b"), "a");
  assert.equal(redtrackId({ rtkclickid: "a", clickid: "c" }, ""), "c");
  assert.equal(redtrackId({}, "x=1; rtkclickid-store=b; y=2"), "b");
  assert.equal(redtrackId({}, "other=1"), undefined);
});

test("a lease ends on whichever clock comes first", () => {
  const lease = { expires_at: 300_000, seen_at: 0 };
  assert.equal(remaining(lease, 300_000, 100_000, 100_000), 200_000);
  assert.equal(remaining(lease, 300_000, 299_000, 10_000), 1000, "the machine slept: the wall clock knows");
  assert.equal(remaining(lease, 300_000, 10_000, 299_000), 1000, "the wall clock was set back: the page's own clock knows");
  assert.ok(!(remaining(lease, 300_000, 300_000, 0) > 0));
  assert.ok(!(remaining({ seen_at: 0 }, 1e9, 0, 0) > 0), "no end known is no lease");
});

test("a wall clock behind what was already seen ends the lease", () => {
  const lease = { expires_at: 300_000, seen_at: 200_000 };
  assert.equal(remaining(lease, 1e9, 199_500, 0), 100_500, "a clock that is corrected by less than a second");
  assert.equal(remaining(lease, 1e9, 198_000, 0), 0);
});
