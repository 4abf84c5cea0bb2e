// Reads one TwiML document into a small tree with a strict XML 1.0 parser.
//
// TwiML needs neither DTDs nor processing instructions, and Twilio does not promise to read them: both are refused.

import { SaxesParser } from "saxes";

// https://www.w3.org/TR/xml/#charsets. Lone surrogates fall outside it as well.
const ILLEGAL_CHARACTER = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;

/**
 * @typedef {{name: string, attributes: Record<string, string>, text: string, children: Element[],
 *   parent: Element | null}} Element
 * @typedef {{where: string, rule: string, message: string}} Problem
 */

/**
 * @param {string} xml
 * @returns {{root: Element | null, problems: Problem[]}} `root` is null when the document cannot be read
 */
export function readDocument(xml) {
  const illegal = ILLEGAL_CHARACTER.exec(xml);
  if (illegal) {
    const code = illegal[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    return refused(`offset ${illegal.index}`, "illegal-character", `U+${code} is not a legal XML 1.0 character`);
  }

  const problems = [];
  let root = null;
  let open = null;
  let failure = null;
  const parser = new SaxesParser({ position: true });
  const here = () => `line ${parser.line}, column ${parser.column}`;

  parser.on("error", (error) => {
    failure ??= { where: here(), message: error.message };
  });
  parser.on("xmldecl", (declaration) => {
    if (declaration.version !== "1.0") problems.push({ where: here(), rule: "xml-declaration", message: "the XML version must be 1.0" });
    if (declaration.encoding && declaration.encoding.toUpperCase() !== "UTF-8") {
      problems.push({ where: here(), rule: "xml-declaration", message: `the encoding must be UTF-8, not ${declaration.encoding}` });
    }
  });
  parser.on("doctype", () => problems.push({ where: here(), rule: "doctype", message: "a document type declaration is not TwiML" }));
  parser.on("processinginstruction", (instruction) =>
    problems.push({ where: here(), rule: "processing-instruction", message: `<?${instruction.target}?> is not TwiML` }),
  );
  parser.on("opentag", (tag) => {
    const element = { name: tag.name, attributes: tag.attributes, text: "", children: [], parent: open };
    if (open) open.children.push(element);
    else root ??= element;
    open = element;
  });
  parser.on("closetag", () => {
    open = open?.parent ?? null;
  });
  const addText = (text) => {
    if (open) open.text += text;
  };
  parser.on("text", addText);
  parser.on("cdata", addText);

  parser.write(xml).close();
  if (failure) {
    const byReference = /malformed character entity|disallowed character\./.test(failure.message);
    return refused(failure.where, byReference ? "illegal-character" : "not-well-formed", failure.message);
  }
  return { root, problems };
}

function refused(where, rule, message) {
  return { root: null, problems: [{ where, rule, message }] };
}

/** Where an element stands, such as `/Response/Dial/Number[2]`. The number is given only when there are several. */
export function pathOf(element) {
  const siblings = element.parent ? element.parent.children.filter((other) => other.name === element.name) : [element];
  const position = siblings.length > 1 ? `[${siblings.indexOf(element) + 1}]` : "";
  return `${element.parent ? pathOf(element.parent) : ""}/${element.name}${position}`;
}
