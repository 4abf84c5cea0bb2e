// Turns the TypeScript types of the npm package `twilio` into a grammar for TwiML.
//
// Twilio generates those types from its own TwiML definition, so they are the nearest thing to an official
// schema: a class is an element, its methods are the children it may have, and the methods' parameters are
// the attributes and the text of that child. The one thing the types do not say is how a child is spelled
// in XML (`ReferSip` is written `<Sip>`); that is read from the library's JavaScript beside them.
//
// Whatever is not understood throws. A grammar with a hole in it would pass bad documents silently.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import ts from "typescript";

const require = createRequire(import.meta.url);
const ROOT_CLASS = "VoiceResponse";

/**
 * @typedef {{kind: "string"} | {kind: "number"} | {kind: "boolean"}
 *   | {kind: "enum", values: Set<string>} | {kind: "list", of: ValueType}} ValueType
 * @typedef {{attributes: Map<string, ValueType>, text: "none" | "optional" | "required", className: string}} Child
 * @typedef {{root: string, classes: Map<string, Map<string, Child>>, elementNames: Set<string>}} Grammar
 *   `classes` maps a class to its children by element name.
 */

/** @returns {Grammar} */
export function loadGrammar() {
  const declarations = readSource("twilio/lib/twiml/VoiceResponse.d.ts", ts.ScriptKind.TS);
  const implementation = readSource("twilio/lib/twiml/VoiceResponse.js", ts.ScriptKind.JS);

  const types = readTypes(declarations);
  const names = readElementNames(implementation);
  const classes = new Map();
  for (const [className, declaration] of types.classes) {
    classes.set(className, readChildren(className, declaration, types, names));
  }

  for (const children of classes.values()) {
    for (const [name, child] of children) {
      if (!classes.has(child.className)) throw new Error(`<${name}>: class ${child.className} is not declared`);
    }
  }
  if (!classes.get(ROOT_CLASS)?.size) throw new Error("the twilio types declare no verbs under Response");

  const elementNames = new Set(["Response"]);
  for (const children of classes.values()) for (const name of children.keys()) elementNames.add(name);
  return { root: ROOT_CLASS, classes, elementNames };
}

function readSource(modulePath, scriptKind) {
  const path = require.resolve(modulePath);
  return ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true, scriptKind);
}

/** Collects classes, interfaces (declarations of one name merge, as in TypeScript) and named types. */
function readTypes(source) {
  const classes = new Map();
  const interfaces = new Map();
  const aliases = new Map();
  const visit = (node) => {
    if (ts.isClassDeclaration(node)) classes.set(node.name.text, node);
    if (ts.isInterfaceDeclaration(node)) {
      const members = interfaces.get(node.name.text) ?? [];
      interfaces.set(node.name.text, members.concat([...node.members]));
    }
    if (ts.isTypeAliasDeclaration(node)) aliases.set(node.name.text, node.type);
    if (ts.isModuleDeclaration(node) || ts.isModuleBlock(node)) ts.forEachChild(node, visit);
  };
  ts.forEachChild(source, visit);
  return { classes, interfaces, aliases, cache: new Map() };
}

/** Maps a class to its XML name, from every `new VoiceResponse.X(this.parent.ele("Name", …))`. */
function readElementNames(source) {
  const names = new Map();
  const visit = (node) => {
    if (ts.isNewExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const call = node.arguments?.[0];
      const isElement =
        call && ts.isCallExpression(call) && ts.isPropertyAccessExpression(call.expression) && call.expression.name.text === "ele";
      if (isElement) {
        const className = node.expression.name.text;
        const name = call.arguments[0].text;
        if (names.has(className) && names.get(className) !== name) {
          throw new Error(`class ${className} is written both <${names.get(className)}> and <${name}>`);
        }
        names.set(className, name);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return names;
}

function readChildren(className, declaration, types, names) {
  const children = new Map();
  for (const member of declaration.members) {
    if (!ts.isMethodDeclaration(member)) continue;
    const childClass = referencedName(member.type);
    if (!types.classes.has(childClass)) continue; // comments and other methods that add no element
    const name = names.get(childClass);
    if (!name) throw new Error(`${className}.${member.name.getText()}: no XML name for class ${childClass}`);

    const child = children.get(name) ?? { attributes: new Map(), text: "none", className: childClass };
    let text = "none";
    for (const parameter of member.parameters) {
      if (parameter.name.getText() === "attributes") readAttributes(parameter.type, types, child.attributes);
      else if (parameter.type.kind === ts.SyntaxKind.StringKeyword) text = parameter.questionToken ? "optional" : "required";
      else throw new Error(`${className}.${member.name.getText()}: cannot read parameter ${parameter.getText()}`);
    }
    // Of a method's overloads the last, which takes attributes and text, is the full one.
    child.text = text;
    children.set(name, child);
  }
  return children;
}

function readAttributes(type, types, into) {
  if (type.kind === ts.SyntaxKind.ObjectKeyword) return; // `object`: the element has no attributes
  const name = referencedName(type);
  const members = types.interfaces.get(name);
  if (!members) throw new Error(`attributes of unknown type ${type.getText()}`);
  for (const member of members) {
    if (!ts.isPropertySignature(member)) throw new Error(`${name}: cannot read ${member.getText()}`);
    into.set(member.name.text, readValueType(member.type, types));
  }
}

/** @returns {ValueType} */
function readValueType(type, types) {
  if (type.kind === ts.SyntaxKind.StringKeyword) return { kind: "string" };
  if (type.kind === ts.SyntaxKind.NumberKeyword) return { kind: "number" };
  if (type.kind === ts.SyntaxKind.BooleanKeyword) return { kind: "boolean" };
  if (ts.isArrayTypeNode(type)) return { kind: "list", of: readValueType(type.elementType, types) };
  if (ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal)) {
    return { kind: "enum", values: new Set([type.literal.text]) };
  }
  if (ts.isUnionTypeNode(type)) {
    const values = new Set();
    for (const part of type.types) {
      const value = readValueType(part, types);
      if (value.kind !== "enum") throw new Error(`cannot read union ${type.getText()}`);
      for (const item of value.values) values.add(item);
    }
    return { kind: "enum", values };
  }
  const name = referencedName(type);
  const alias = name && types.aliases.get(name);
  if (!alias) throw new Error(`cannot read type ${type.getText()}`);
  if (!types.cache.has(name)) types.cache.set(name, readValueType(alias, types));
  return types.cache.get(name);
}

/** `VoiceResponse.Dial` and `Dial` both give `Dial`. */
function referencedName(type) {
  if (!type || !ts.isTypeReferenceNode(type)) return undefined;
  return ts.isQualifiedName(type.typeName) ? type.typeName.right.text : type.typeName.text;
}
