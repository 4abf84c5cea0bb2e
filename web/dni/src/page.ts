// The numbers on the page: finds them, writes another in their place, and puts the original back.
//
// What must stay true:
// - After `show(null)` returns, no text or link of the page holds a number that was shown before, not even a copy the page made.
// - Only the text of text nodes and the value of two attributes is written: never HTML.
// - A first turn works for eight milliseconds at most; a page that fights back over a text wins after fifty rounds.
import { ANY, E164, GLUE, pattern, rewrite } from "./numbers";

/** What a tag replaces, as the lookup answers it. */
export interface Rules {
  /** Elements in which any number is replaced. */
  selectors?: string[];
  /** E.164 numbers that are replaced wherever they stand. */
  numbers?: string[];
  /** Whether open shadow roots are searched too. */
  shadow?: boolean;
  /** Names of further parameters to keep. */
  keep?: string[];
}

type Owned = Node & { ownerElement?: Element | null };

/** Not text for reading, or text the visitor may be editing. `data-ccp-keep` is for the site's author. */
const LEFT_ALONE = "script,style,textarea,[contenteditable],[data-ccp-keep]";
/** Nodes that do not end a line of text: a number may run through them. */
const INLINE = /^(#[ct].*|[ABIU]|EM|SMALL|SPAN|STRONG)$/;
const ATTRIBUTES = ["href", "aria-label"];
const enum Limit {
  TURN_MS = 8,
  ROUNDS = 50,
}

/** Every node that was written: what it said before, what was written, how often. */
const written = new WeakMap<Node, [before: string, after: string, rounds: number]>();
/** Every number this page has shown: copies of them must go too when their time is over. */
const shown = new Set<string>();

let current: string | null = null;
let label: string | null;
let original = "";
let selector: string;
let rules: Rules = {};
let find = pattern([]);

/** Shows `number` on the page, or the original again when it is null or no E.164 number. */
export const show = (number: string | null = null, display = "", given = rules): void => {
  if (!E164.test(number!)) number = null;
  if (number === current) return;
  // A number whose time is over goes at once, however large the page.
  const turn = current ? Infinity : Limit.TURN_MS;
  current = number;
  rules = given;
  label = /^[\d+() .-]{5,25}$/.test(display) ? display : number;
  const numbers = rules.numbers || [];
  original = numbers[0] || original;
  // What is no selector is passed over by `:is`, and an empty list matches nothing.
  selector = `:is(${rules.selectors || ""})`;
  find = pattern([...(number ? numbers : []), ...shown].filter((each) => each !== number));
  if (number) shown.add(number);
  enter(document, turn);
};

/** Watches a document or shadow root and searches it. */
const enter = (root: Node, turn?: number): void => {
  observer.observe(root, { subtree: true, childList: true, characterData: true, attributeFilter: ATTRIBUTES });
  scan(root, turn);
};

const queue: NodeIterator[] = [];

/** Searches everything under `root`: attributes at once, text in turns. */
const scan = (root: Node, turn?: number): void => {
  const inside = (root as ParentNode).querySelectorAll(rules.shadow ? "*" : '[href^="tel:" i],[aria-label]');
  for (const element of [root as Element, ...inside]) {
    ATTRIBUTES.forEach((name) => attribute(element, name));
    if (rules.shadow) {
      if (element.shadowRoot) enter(element.shadowRoot);
      else if (element.matches?.(":not(:defined)")) void customElements.whenDefined(element.localName).then(() => scan(element));
    }
  }
  // A node iterator is the one cursor that the browser itself moves on when its node is removed.
  queue.push(document.createNodeIterator(root, 4));
  work(turn);
};

let timer: ReturnType<typeof setTimeout>;
/** Text nodes of one line, and the element whose line it is. */
let line: Node[] = [];
let place: Node | null;

const work = (turn = Limit.TURN_MS as number): void => {
  clearTimeout(timer);
  const end = performance.now() + turn;
  for (let next: Node | null; queue[0]; ) {
    next = queue[0].nextNode();
    const at = next && block(next);
    if (at !== place) {
      if (place) swap(line);
      line = [];
      place = at;
    }
    if (next) line.push(next);
    else queue.shift();
    if (!line[1] && performance.now() > end) {
      timer = setTimeout(work);
      return;
    }
  }
};

/** The nearest element around a node that makes lines of its own. */
const block = (node: Node): Node | null => {
  let at = node.parentNode;
  while (at && INLINE.test(at.nodeName)) at = at.parentNode;
  return at;
};

const attribute = (element: Element, name: string): void => {
  const node = element.getAttributeNode?.(name);
  if (node && (name !== "href" || /^tel:/i.test(node.value))) swap([node]);
};

/** What the page itself says there. */
const source = (node: Node): string => {
  const [before, after] = written.get(node) || [];
  return after === node.nodeValue ? before! : node.nodeValue!;
};

/** Writes the number into the nodes of one line, or into one attribute. */
const swap = (nodes: Owned[]): void => {
  const text = nodes.map(source).join(GLUE);
  const [node] = nodes as [Owned];
  const owner = node.ownerElement || node.parentElement;
  if (owner?.closest(LEFT_ALONE)) return;
  let wanted = find;
  if (current && owner?.closest(selector)) {
    wanted = ANY;
    original ||= text.match(ANY)?.[0] || "";
  }
  const number = current || original;
  // Digits of another country would not make sense in this one's punctuation.
  const digits = (rules.numbers?.[0] || number)[1] === number[1] ? number : "";
  rewrite(text, wanted, digits, node.nodeName === "href" ? number : label || original)
    .split(GLUE)
    .forEach((value, at) => {
      const each = nodes[at]!;
      const before = source(each);
      const rounds = (written.get(each)?.[2] || 0) + 1;
      if (each.nodeValue === value || (rounds > Limit.ROUNDS && value !== before)) return;
      written.set(each, [before, value, rounds]);
      each.nodeValue = value;
    });
};

const observer = new MutationObserver((changes) => {
  for (const { target, attributeName, addedNodes } of changes) {
    if (attributeName) attribute(target as Element, attributeName);
    // Our own writing is told to us as well.
    else if (target.nodeType === 3) source(target) === target.nodeValue && near(target);
    else addedNodes.forEach(near);
  }
});

/** Searches what was added, with the line it became part of. */
const near = (node: Node): void => {
  if (node.isConnected) scan(INLINE.test(node.nodeName) ? block(node)! : node);
};
