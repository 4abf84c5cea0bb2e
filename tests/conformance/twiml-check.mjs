// Checks TwiML documents against Twilio's own types and Twilio's documented limits. See README.md.

import { readFileSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { pathOf, readDocument } from "./twiml-document.mjs";
import { loadGrammar } from "./twiml-grammar.mjs";
import { checkLimits, EXTRA_ATTRIBUTES, MAX_DOCUMENT_BYTES, VERBS_BY_KIND } from "./twiml-limits.mjs";

/**
 * @param {import("./twiml-grammar.mjs").Grammar} grammar
 * @param {string} xml
 * @param {"voice" | "whisper" | "queue" | "wait"} kind what Twilio asked for
 * @returns {import("./twiml-document.mjs").Problem[]} empty when the document is right
 */
export function checkDocument(grammar, xml, kind = "voice") {
  if (!Object.hasOwn(VERBS_BY_KIND, kind)) throw new Error(`unknown kind of document: ${kind}`);
  const { root, problems } = readDocument(xml);
  const bytes = Buffer.byteLength(xml);
  if (bytes > MAX_DOCUMENT_BYTES) {
    problems.push({ where: "/", rule: "too-large", message: `${bytes} bytes, at most ${MAX_DOCUMENT_BYTES} are allowed` });
  }
  if (!root) return problems;

  const report = (element, attribute, rule, message) =>
    problems.push({ where: pathOf(element) + (attribute ? `@${attribute}` : ""), rule, message });
  if (root.name !== "Response") {
    report(root, null, "root", "the root element must be <Response>");
    return problems;
  }
  for (const attribute of Object.keys(root.attributes)) report(root, attribute, "unknown-attribute", "<Response> has no attributes");
  checkText(root, "none", report);

  const verbs = VERBS_BY_KIND[kind];
  for (const verb of root.children) {
    if (verbs && grammar.elementNames.has(verb.name) && !verbs.has(verb.name)) {
      report(verb, null, `${kind}-verb`, `only ${[...verbs].join(", ")} are allowed in this document`);
    }
  }
  checkChildren(grammar, root, grammar.root, report);
  return problems;
}

function checkChildren(grammar, parent, className, report) {
  const allowed = grammar.classes.get(className);
  for (const element of parent.children) {
    const child = allowed.get(element.name);
    if (!child) {
      reportMisplaced(grammar, allowed, element, report);
      continue;
    }
    const typesHold = checkAttributes(element, child, report);
    checkText(element, child.text, report);
    if (typesHold) checkLimits(element, report);
    checkChildren(grammar, element, child.className, report);
  }
}

function reportMisplaced(grammar, allowed, element, report) {
  const inParent = `in <${element.parent.name}>`;
  if (grammar.elementNames.has(element.name)) return report(element, null, "nesting", `<${element.name}> is not allowed ${inParent}`);
  const lower = element.name.toLowerCase();
  const meant = [...allowed.keys(), ...grammar.elementNames].find((name) => name.toLowerCase() === lower);
  if (meant) return report(element, null, "element-case", `must be written <${meant}>`);
  report(element, null, "unknown-element", `<${element.name}> is not TwiML`);
}

/** @returns {boolean} whether every attribute is known and of its type, so that limits can be checked */
function checkAttributes(element, child, report) {
  let sound = true;
  const fail = (attribute, rule, message) => {
    sound = false;
    report(element, attribute, rule, message);
  };
  const extra = EXTRA_ATTRIBUTES[element.name];
  for (const [name, value] of Object.entries(element.attributes)) {
    const type = child.attributes.get(name) ?? (extra && Object.hasOwn(extra, name) ? extra[name] : undefined);
    if (type) {
      checkValue(type, value, (rule, message) => fail(name, rule, message));
      continue;
    }
    const meant = [...child.attributes.keys()].find((known) => known.toLowerCase() === name.toLowerCase());
    fail(name, "unknown-attribute", meant ? `must be written ${meant}` : `<${element.name}> has no such attribute`);
  }
  return sound;
}

function checkValue(type, value, fail) {
  switch (type.kind) {
    case "string":
      return;
    case "number":
      if (!/^(0|[1-9]\d*)$/.test(value)) fail("number", `"${value}" is not a whole number`);
      return;
    case "boolean":
      if (value !== "true" && value !== "false") fail("boolean", `"${value}" is neither true nor false`);
      return;
    case "enum":
      if (!type.values.has(value)) fail("enum", `"${value}" is not ${someOf(type.values)}`);
      return;
    case "list":
      for (const item of value.split(" ")) checkValue(type.of, item, fail);
      return;
    default:
      throw new Error(`no check for values of kind ${type.kind}`);
  }
}

function someOf(values) {
  const shown = [...values].slice(0, 12).join(", ");
  return values.size > 12 ? `one of ${values.size} known values (${shown}, …)` : `one of ${shown}`;
}

function checkText(element, text, report) {
  const present = element.text.trim() !== "";
  if (present && text === "none") report(element, null, "text", `<${element.name}> takes no text`);
  if (!present && text === "required" && element.children.length === 0) {
    report(element, null, "text-missing", `<${element.name}> needs a text`);
  }
}

function checkFiles(grammar, files, kind) {
  let good = true;
  for (const file of files) {
    for (const problem of checkFile(grammar, file, kind)) {
      good = false;
      console.log(`${file}: ${problem.where}: ${problem.rule}: ${problem.message}`);
    }
  }
  return good;
}

function checkFile(grammar, file, kind) {
  const bytes = readFileSync(file);
  try {
    return checkDocument(grammar, new TextDecoder("utf-8", { fatal: true }).decode(bytes), kind);
  } catch (error) {
    if (error.code !== "ERR_ENCODING_INVALID_ENCODED_DATA") throw error;
    return [{ where: "/", rule: "encoding", message: "the file is not UTF-8" }];
  }
}

/** Answers every line as soon as it is complete, so a caller may keep the process and talk to it. */
async function checkLines(grammar) {
  let good = true;
  let rest = "";
  const decoder = new StringDecoder("utf8");
  const answer = (line) => {
    if (line.trim() === "") return "";
    const result = checkLine(grammar, line);
    good &&= result.ok;
    return `${JSON.stringify(result)}\n`;
  };
  for await (const chunk of process.stdin) {
    const lines = (rest + decoder.write(chunk)).split("\n");
    rest = lines.pop();
    process.stdout.write(lines.map(answer).join(""));
  }
  process.stdout.write(answer(rest + decoder.end()));
  return good;
}

function checkLine(grammar, line) {
  let request;
  try {
    request = JSON.parse(line);
    if (typeof request.xml !== "string") throw new Error("xml is missing");
    const problems = checkDocument(grammar, request.xml, request.kind);
    return { id: request.id ?? null, ok: problems.length === 0, problems };
  } catch (error) {
    return { id: request?.id ?? null, ok: false, problems: [{ where: "/", rule: "input", message: error.message }] };
  }
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { ndjson: { type: "boolean", default: false }, kind: { type: "string", default: "voice" } },
  });
  const usable = Object.hasOwn(VERBS_BY_KIND, values.kind) && values.ndjson !== positionals.length > 0;
  if (!usable) {
    console.error("usage: node twiml-check.mjs [--kind voice|whisper|queue|wait] FILE...\n       node twiml-check.mjs --ndjson");
    process.exitCode = 2;
    return;
  }
  const grammar = loadGrammar();
  const good = values.ndjson ? await checkLines(grammar) : checkFiles(grammar, positionals, values.kind);
  process.exitCode = good ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();
