// Proves that the checks in this folder accept what is right and refuse what is wrong, each for the right reason.
// A checker that lets everything through would make every test that relies on it worthless.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { checkDocument } from "./twiml-check.mjs";
import { loadGrammar } from "./twiml-grammar.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const grammar = loadGrammar();
const response = (inner) => `<?xml version="1.0" encoding="UTF-8"?><Response>${inner}</Response>`;
const dial = (attributes, noun = "<Number>+15005550010</Number>") => response(`<Dial ${attributes}>${noun}</Dial>`);
const number = (attributes) => dial("", `<Number ${attributes}>+15005550010</Number>`);
const sip = (uri) => dial("", `<Sip>${uri}</Sip>`);
const URL_OK = "https://calls.example.com/twilio/voice/t1/c1/x";

const GOOD = {
  "an empty response": response(""),
  "a sip uri with 254 characters": sip(`sip:${"u".repeat(238)}@example.com`),
  "no declaration, a comment, entities": '<Response><!-- note --><Say>Bread &amp; butter &#233; &lt;3</Say></Response>',
  "a dial with everything": response(
    `<Dial answerOnBridge="true" callerId="+15005550006" callReason="Your quote" action="${URL_OK}#ct=2000&amp;rt=6000&amp;tt=12000&amp;rc=1&amp;rp=ct,5xx" method="POST" timeout="5" timeLimit="14400" record="record-from-answer-dual" recordingStatusCallback="${URL_OK}" recordingStatusCallbackEvent="in-progress completed absent" ringTone="us" sequential="false">` +
      `<Number url="${URL_OK}" sendDigits="wwW12A#*" statusCallback="${URL_OK}" statusCallbackEvent="initiated ringing answered completed" machineDetection="DetectMessageEnd" machineDetectionTimeout="60">+15005550010</Number>` +
      "<Sip>sip:agent+7@pbx.example.com:5061;transport=tls;region=ie1?X-Call-Id=a%20b&amp;User-to-User=1234</Sip></Dial>",
  ),
  "ten nouns": dial("", "<Number>+15005550010</Number>".repeat(10)),
  "a gather": response(
    `<Gather input="dtmf speech" numDigits="1" timeout="3" finishOnKey="" speechTimeout="auto" action="${URL_OK}"><Say voice="Polly.Joanna" language="en-US">Press <emphasis level="strong">one</emphasis></Say><Pause length="1"/><Play loop="0">https://cdn.example.com/hold%20me.mp3</Play></Gather><Redirect method="POST">${URL_OK}</Redirect>`,
  ),
  "a conference with silence": dial("", '<Conference waitUrl="" beep="onEnter" maxParticipants="10">room 1</Conference>'),
  "digits only": response('<Play digits="ww1"/><Reject reason="busy"/>'),
  "a media stream": response('<Connect><Stream url="wss://media.example.com/s"><Parameter name="a" value="b"/></Stream></Connect>'),
  "bridging later without answerOnBridge": response('<Say>Please wait</Say><Dial answerOnBridge="false">+15005550010</Dial>'),
  "a free caller id on sip": dial('callerId="sales_desk-1"', "<Sip>sip:a@pbx.example.com</Sip>"),
};

const GOOD_OTHER = [
  ["whisper", response(`<Gather numDigits="1" action="${URL_OK}"><Pause length="1"/><Say>Press any key</Say></Gather><Hangup/>`)],
  ["whisper", response("")],
  ["queue", response("<Say>You are next</Say><Pause/>")],
  ["wait", response("<Play>https://cdn.example.com/music.mp3</Play><Leave/>")],
];

const tooDeep = "x".repeat(255 - "sip:@example.com".length);
const BAD = [
  // XML
  ["not-well-formed", "<Response><Say>hi</Response>"],
  ["not-well-formed", ""],
  ["not-well-formed", "<Response/><Response/>"],
  ["not-well-formed", '<Response><Dial timeout="5" timeout="6">+15005550010</Dial></Response>'],
  ["not-well-formed", "<Response><Say>a & b</Say></Response>"],
  ["illegal-character", response("<Say>bell \u0007</Say>")],
  ["illegal-character", response("<Say>bell &#7;</Say>")],
  ["illegal-character", response("<Say>half \ud83d</Say>")],
  ["illegal-character", response("<Say>\ufffe</Say>")],
  ["doctype", `<!DOCTYPE Response><Response/>`],
  ["processing-instruction", response("<?php echo 1 ?>")],
  ["xml-declaration", '<?xml version="1.0" encoding="ISO-8859-1"?><Response/>'],
  ["xml-declaration", '<?xml version="1.1"?><Response/>'],
  ["too-large", response(`<Say>${"a".repeat(65 * 1024)}</Say>`)],
  // types
  ["root", "<response/>"],
  ["nesting", response(`<Gather action="${URL_OK}"><Dial>+15005550010</Dial></Gather>`)],
  ["nesting", response("<Number>+15005550010</Number>")],
  ["nesting", dial("", "<Say>hi</Say>")],
  ["nesting", response("<Response/>")],
  ["element-case", response("<dial>+15005550010</dial>")],
  ["element-case", dial("", "<number>+15005550010</number>")],
  ["unknown-element", response("<Transfer/>")],
  ["unknown-attribute", dial('callerid="+15005550006"')],
  ["unknown-attribute", response('<Hangup reason="busy"/>')],
  ["unknown-attribute", number('answerOnBridge="true"')],
  ["unknown-attribute", '<Response version="1"/>'],
  ["unknown-attribute", '<Response xmlns="urn:x"/>'],
  ["enum", dial('record="yes"')],
  ["enum", number('statusCallbackEvent="answered,completed"')],
  ["enum", number('statusCallbackEvent=""')],
  ["enum", response('<Reject reason="no"/>')],
  ["enum", response('<Say voice="nobody">hi</Say>')],
  ["number", dial('timeout="soon"')],
  ["number", dial('timeout="20.5"')],
  ["number", dial('timeout="-5"')],
  ["number", dial('timeLimit=""')],
  ["boolean", dial('answerOnBridge="yes"')],
  ["text", response("hello")],
  ["text", response("<Hangup>now</Hangup>")],
  ["text", response(`<Gather action="${URL_OK}">Press one</Gather>`)],
  ["text-missing", dial("", "<Number/>")],
  ["text-missing", response("<Say> </Say>")],
  ["text-missing", response("<Redirect/>")],
  ["text-missing", dial("", "<Sip/>")],
  // limits in words
  ["too-many-nouns", dial("", "<Number>+15005550010</Number>".repeat(11))],
  ["dial-empty", response("<Dial/>")],
  ["dial-mixed", dial("", "+15005550011<Number>+15005550010</Number>")],
  ["dial-mixed", dial("", "<Conference>a</Conference><Number>+15005550010</Number>")],
  ["range", dial('timeout="4"')],
  ["range", dial('timeout="601"')],
  ["range", dial('timeLimit="0"')],
  ["range", dial('timeLimit="14401"')],
  ["range", number('machineDetectionTimeout="2"')],
  ["range", number('machineDetectionSpeechThreshold="999"')],
  ["range", response(`<Gather numDigits="0" action="${URL_OK}"/>`)],
  ["machine-detection", number('machineDetection="true"')],
  ["method", dial(`action="${URL_OK}" method="PUT"`)],
  ["method", number(`statusCallback="${URL_OK}" statusCallbackMethod="post"`)],
  ["url", dial('action="/relative"')],
  ["url", dial('action=""')],
  ["url", number('url="//calls.example.com/x"')],
  ["url", number('statusCallback="ftp://calls.example.com/x"')],
  ["url", response("<Redirect>next</Redirect>")],
  ["url", response("<Play>https://cdn.example.com/hold me.mp3</Play>")],
  ["url", response("<Play>https://cdn.example.com/100%.mp3</Play>")],
  ["url", response("<Play>https://</Play>")],
  ["host", number('statusCallback="https://my_host.example.com/x"')],
  ["host", dial('action="https://calls..example.com/x"')],
  ["connection-override", dial(`action="${URL_OK}#rc=9"`)],
  ["connection-override", dial(`action="${URL_OK}#timeout=2000"`)],
  ["connection-override", dial(`action="${URL_OK}#rp=6xx"`)],
  ["send-digits", number('sendDigits="12,34"')],
  ["send-digits", number('sendDigits=""')],
  ["phone-number", dial("", "<Number>sip:a@example.com</Number>")],
  ["phone-number", dial("", "<Number>+15005550010x12</Number>")],
  ["phone-number", dial("", "<Number>+1234567890123456</Number>")],
  ["caller-id", dial('callerId="anonymous"')],
  ["caller-id", dial('callerId=""')],
  ["call-reason", dial(`callReason="${"r".repeat(51)}"`)],
  ["answer-on-bridge", response('<Say>hi</Say><Dial answerOnBridge="true">+15005550010</Dial>')],
  ["sip-uri", sip("agent@pbx.example.com")],
  ["sip-uri", sip(`sip:${tooDeep}@example.com`)],
  ["sip-uri", sip("sip:a@my_pbx.example.com")],
  ["sip-uri", sip("sip:a@pbx.example.com;transport=sctp")],
  ["sip-uri", sip("sip:a@pbx.example.com;region=xx1")],
  ["sip-uri", sip("sip:a@pbx.example.com:70000")],
  ["sip-uri", sip("sip:a@pbx.example.com?Subject=hi")],
  ["sip-uri", sip("sip:a@pbx.example.com?X-A=a b")],
  ["sip-uri", sip(`sip:a@pbx.example.com?X-A=${"b".repeat(1024)}`)],
  ["finish-on-key", response(`<Gather finishOnKey="12" action="${URL_OK}"/>`)],
  ["speech-timeout", response(`<Gather speechTimeout="0" action="${URL_OK}"/>`)],
  ["play-empty", response("<Play/>")],
  ["length", response(`<Enqueue>${"q".repeat(65)}</Enqueue>`)],
];

const BAD_OTHER = [
  ["whisper", "whisper-verb", dial("")],
  ["whisper", "whisper-verb", response("<Pause/>")],
  ["whisper", "whisper-verb", response(`<Redirect>${URL_OK}</Redirect>`)],
  ["queue", "queue-verb", response("<Hangup/>")],
  ["wait", "wait-verb", dial("")],
];

describe("TwiML", () => {
  for (const [name, xml] of Object.entries(GOOD)) test(`accepts ${name}`, () => assert.deepEqual(checkDocument(grammar, xml), []));
  for (const [kind, xml] of GOOD_OTHER) test(`accepts as ${kind}: ${xml.slice(38, 90)}`, () => assert.deepEqual(checkDocument(grammar, xml, kind), []));
  for (const [rule, xml] of BAD) test(`${rule}: ${JSON.stringify(xml.slice(0, 120))}`, () => assertOnly(rule, checkDocument(grammar, xml)));
  for (const [kind, rule, xml] of BAD_OTHER) test(`${rule}: ${xml.slice(38, 90)}`, () => assertOnly(rule, checkDocument(grammar, xml, kind)));

  test("says where", () => {
    const [problem] = checkDocument(grammar, dial("", '<Number>+15005550010</Number><Number callerid="x">+15005550010</Number>'));
    assert.equal(problem.where, "/Response/Dial/Number[2]@callerid");
  });

  test("files: quiet and 0 when right, one line per problem and 1 when not", async () => {
    const folder = mkdtempSync(join(tmpdir(), "twiml-check-"));
    try {
      const good = join(folder, "good.xml");
      const bad = join(folder, "bad.xml");
      const latin1 = join(folder, "latin1.xml");
      writeFileSync(good, dial('timeout="20"'));
      writeFileSync(bad, dial('timeout="1"'));
      writeFileSync(latin1, Buffer.from(response("<Say>caf\u00e9</Say>"), "latin1"));
      assert.deepEqual(await run("twiml-check.mjs", [good]), { code: 0, out: "" });
      const refused = await run("twiml-check.mjs", [good, bad, latin1]);
      assert.equal(refused.code, 1);
      assert.match(refused.out, /^\S+bad\.xml: \/Response\/Dial@timeout: range: .*\n\S+latin1\.xml: \/: encoding: .*\n$/);
      assert.equal((await run("twiml-check.mjs", ["--kind", "whisper", good])).code, 1);
      assert.equal((await run("twiml-check.mjs", [])).code, 2);
      assert.equal((await run("twiml-check.mjs", ["--kind", "fax", good])).code, 2);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("lines: one answer each, in order, bad input included", async () => {
    const input = [
      JSON.stringify({ id: "a", kind: "voice", xml: dial("") }),
      JSON.stringify({ id: "b", kind: "whisper", xml: dial("") }),
      JSON.stringify({ id: "c", kind: "fax", xml: dial("") }),
      "not json",
      JSON.stringify({ id: "d", kind: "voice", xml: "<Response><Say>h\u00e9</Say></Response>" }),
    ].join("\n");
    const { code, out } = await run("twiml-check.mjs", ["--ndjson"], input);
    const answers = out.trim().split("\n").map((line) => JSON.parse(line));
    assert.equal(code, 1);
    assert.deepEqual(
      answers.map(({ id, ok, problems }) => [id, ok, problems[0]?.rule]),
      [["a", true, undefined], ["b", false, "whisper-verb"], ["c", false, "input"], [null, false, "input"], ["d", true, undefined]],
    );
  });

  test("lines: 5,000 documents in a few seconds", async (t) => {
    const input = Array.from({ length: 5000 }, (_, i) => JSON.stringify({ id: String(i), kind: "voice", xml: GOOD["a dial with everything"] })).join("\n");
    const started = performance.now();
    const { code, out } = await run("twiml-check.mjs", ["--ndjson"], input);
    const seconds = (performance.now() - started) / 1000;
    t.diagnostic(`5,000 documents in ${seconds.toFixed(2)} s`);
    assert.equal(code, 0);
    assert.equal(out.trim().split("\n").length, 5000);
    assert.ok(seconds < 15, `took ${seconds} s`);
  });
});

describe("signature oracle", () => {
  const url = "https://mycompany.com/myapp.php?foo=1&bar=2";
  const params = { CallSid: "CA1234567890ABCDE", Caller: "+14158675309", Digits: "1234", From: "+14158675309", To: "+18005551212" };
  const body = '{"property": "value", "boolean": true}';
  const hash = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
  const withHash = `${url}&bodySHA256=${hash}`;
  const port = (number) => url.replace(".com/", `.com:${number}/`);
  // Published in the unit tests of Twilio's helper libraries; the auth token is 12345.
  const signed = {
    plain: "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
    withPort: "kvajT1Ptam85bY51eRf/AJRuM3w=",
    repeated: "IK+Dwps556ElfBT0I3Rgjkr1wJU=",
    body: "a9nBmqA0ju/hNViExpshrM61xv4=",
    keyCase: "jDK7WKT8wiNrwggd4ceTv4e1MJ4=",
    hostCase: "g9IN/x4Cft2g517EjYvEvM/W7LU=",
  };
  const repeated = { Sid: "CA123", SidAccount: "AC123", Digits: ["5678", "1234", "1234"] };
  const keyCase = { callSid: "lowercase", CallSid: "uppercase", CALLSID: "allcaps" };
  const hostCase = url.replace("mycompany", "MyCompany");
  const altered = signed.plain.replace("R", "S");

  const cases = [
    [{ op: "sign", url, params }, { signature: signed.plain }],
    [{ op: "sign", url: port(443), params }, { signature: signed.withPort }],
    [{ op: "sign", url, params: repeated }, { signature: signed.repeated }],
    [{ op: "sign", url, params: keyCase }, { signature: signed.keyCase }],
    [{ op: "sign", url: hostCase, params }, { signature: signed.hostCase }],
    [{ op: "sign", url: withHash, params: {} }, { signature: signed.body }],
    [{ op: "validate", signature: signed.plain, url, params }, { valid: true }],
    [{ op: "validate", signature: signed.plain, url: port(1234), params }, { valid: true }],
    [{ op: "validate", signature: signed.withPort, url, params }, { valid: true }],
    [{ op: "validate", signature: signed.repeated, url, params: repeated }, { valid: true }],
    [{ op: "validate", signature: signed.hostCase, url: hostCase, params }, { valid: true }],
    [{ op: "validate", signature: altered, url, params }, { valid: false }],
    [{ op: "validate", signature: "", url, params }, { valid: false }],
    [{ op: "validate", signature: signed.plain, url, params: { ...params, Digits: "1235" } }, { valid: false }],
    [{ op: "validate", signature: signed.plain, url: `${url}&x=1`, params }, { valid: false }],
    [{ op: "bodyHash", body }, { hash }],
    [{ op: "validateBody", signature: signed.body, url: withHash, body }, { valid: true }],
    [{ op: "validateBody", signature: signed.body, url: withHash, body: body.replace("value", "other") }, { valid: false }],
    [{ op: "validateBody", signature: signed.plain, url, body }, { valid: false }],
  ];

  test("reproduces the published signatures", async () => {
    const input = cases.map(([request], id) => JSON.stringify({ id, token: "12345", ...request })).join("\n");
    const { code, out } = await run("signature-oracle.mjs", [], input);
    const answers = out.trim().split("\n").map((line) => JSON.parse(line));
    assert.equal(code, 0);
    assert.deepEqual(answers, cases.map(([, expected], id) => ({ id, ...expected })));
  });

  test("answers each line at once and survives nonsense", async () => {
    const child = spawn(process.execPath, [join(HERE, "signature-oracle.mjs")], { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const ask = async (line) => {
      child.stdin.write(`${line}\n`);
      return JSON.parse((await lines.next()).value);
    };
    try {
      assert.ok((await ask("{")).error);
      assert.ok((await ask('{"op":"constructor"}')).error);
      assert.ok((await ask('{"op":"validate","id":7,"token":"t","signature":"x","url":"not a url","params":{}}')).error);
      assert.equal((await ask(JSON.stringify({ op: "sign", token: "12345", url, params }))).signature, signed.plain);
    } finally {
      child.stdin.end();
    }
    assert.equal(await exitCode(child), 0);
  });
});

describe("prism", () => {
  const account = `AC${"0".repeat(32)}`;
  const call = `CA${"1".repeat(32)}`;
  const phone = `PN${"2".repeat(32)}`;
  let child;
  let base;

  before(async () => {
    child = spawn(process.execPath, [join(HERE, "prism.mjs"), "--until-stdin-closes"], { stdio: ["pipe", "pipe", "inherit"] });
    const line = await new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).once("line", resolve);
      child.once("close", (code) => reject(new Error(`prism ended with ${code} before it was ready`)));
    });
    base = `http://127.0.0.1:${/^prism ready port=(\d+)$/.exec(line)[1]}/2010-04-01/Accounts/${account}`;
  });
  after(() => child.kill("SIGKILL"));

  const authorization = `Basic ${Buffer.from(`${account}:token`).toString("base64")}`;
  const get = (path) => fetch(base + path, { headers: { authorization } });
  const post = (path, form) => fetch(base + path, { method: "POST", headers: { authorization }, body: new URLSearchParams(form) });

  test("gives one call", async () => {
    const answer = await get(`/Calls/${call}.json`);
    assert.equal(answer.status, 200);
    assert.match((await answer.json()).sid, /^CA/);
  });
  test("lists the legs of a call", async () => {
    const answer = await get(`/Calls.json?ParentCallSid=${call}`);
    assert.equal(answer.status, 200);
    assert.ok(Array.isArray((await answer.json()).calls));
  });
  test("finds a number", async () => {
    const answer = await get("/IncomingPhoneNumbers.json?PhoneNumber=%2B15005550006");
    assert.equal(answer.status, 200);
    assert.match((await answer.json()).incoming_phone_numbers[0].sid, /^PN/);
  });
  test("configures a number", async () => {
    const answer = await post(`/IncomingPhoneNumbers/${phone}.json`, { VoiceUrl: URL_OK, VoiceMethod: "POST", VoiceFallbackUrl: URL_OK, VoiceFallbackMethod: "GET", StatusCallback: URL_OK });
    assert.equal(answer.status, 200);
    assert.match((await answer.json()).sid, /^PN/);
  });
  test("ends a call", async () => assert.equal((await post(`/Calls/${call}.json`, { Status: "completed" })).status, 200));
  test("refuses a value outside the specification", async () => {
    assert.equal((await post(`/IncomingPhoneNumbers/${phone}.json`, { VoiceMethod: "BREW" })).status, 422);
    assert.equal((await get("/Calls/XX1.json")).status, 422);
  });
  test("refuses an unknown path", async () => assert.equal((await get("/Callz.json")).status, 404));
  test("refuses a request without credentials", async () => assert.equal((await fetch(`${base}/Calls/${call}.json`)).status, 401));

  test("ends cleanly on SIGTERM with connections open, and when its stdin closes", async () => {
    child.kill("SIGTERM");
    assert.equal(await exitCode(child), 0);
    const other = spawn(process.execPath, [join(HERE, "prism.mjs"), "--until-stdin-closes"], { stdio: ["pipe", "pipe", "inherit"] });
    await new Promise((resolve) => other.stdout.once("data", resolve));
    other.stdin.end();
    assert.equal(await exitCode(other), 0);
  });
});

/** Every problem found must be of the expected rule: a document broken in one way is refused in one way. */
function assertOnly(rule, problems) {
  assert.ok(problems.length > 0, `nothing was found, expected ${rule}`);
  for (const problem of problems) assert.equal(problem.rule, rule, JSON.stringify(problem));
}

async function run(script, args, input = "") {
  const child = spawn(process.execPath, [join(HERE, script), ...args], { stdio: ["pipe", "pipe", "pipe"] });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
  child.stdin.on("error", () => {}); // a script that refuses its arguments does not read its input
  child.stdin.end(input);
  return { code: await exitCode(child), out };
}

function exitCode(child) {
  return new Promise((resolve) => child.once("close", resolve));
}
