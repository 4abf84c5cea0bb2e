// Finding a phone number in text however it is written, and writing another in its place.
//
// What must stay true: the shape of the text is kept. A number with the same count of digits is written digit by digit into the
// punctuation that was there, so that nothing around it moves and a number spread over several elements keeps its markup.

/** Stands between the texts of neighbouring nodes when they are read as one line. HTML cannot contain it. */
export const GLUE = "\0";

/**
 * What may stand between two digits of one number: brackets, dots, blanks, a dash of any length, a node's border. Not what separates two
 * numbers, or the thousands of one.
 */
const BETWEEN = "[^\\w,:;+/|]{0,4}";

/** A number as the platform writes it. */
export const E164 = /^\+\d{7,15}$/;

/** Where a number may start: not as the tail of a longer one. In `+44 800 555 0100` there is no `800 555 0100`. */
const START = "(?<!\\d[-.]?|\\+\\d{1,3}\\W{0,3})";

/** Any phone number: seven to fifteen digits. Used only inside elements that a selector chose. */
export const ANY = new RegExp(`[+(]{0,2}\\d(?:${BETWEEN}\\d){6,14}`, "g");

/**
 * One E.164 number in any common way of writing: with `+` or `00`, with the country's code or without, with the `0` of national dialling
 * in brackets or not. How long a country's code is need not be known: the three leading digits may be missing.
 */
const written = (number: string): string =>
  // North America dials no 0 inside the country: there `0800…` is somebody else's number.
  `${START}[+(${number[1] === "1" ? "" : 0}]{0,3}` +
  [...number.slice(1)]
    .map((digit, at) => (at < 3 ? `(?:${digit + BETWEEN}0?${BETWEEN})?` : (at > 3 ? BETWEEN : "") + digit))
    .join("") +
  "(?!\\d)";

/** Matches any of these E.164 numbers; nothing, when there are none. */
export const pattern = (numbers: string[]): RegExp => new RegExp(numbers.map(written).join("|") || "$^", "g");

/**
 * `text` with every number that `find` matches replaced by `number` (E.164): digit by digit where that gives the same kind of number,
 * and with `display` otherwise; always with `display` when `number` is empty. Every GLUE stays, so the result can be cut into the same nodes again.
 */
export const rewrite = (text: string, find: RegExp, number: string, display: string): string =>
  text.replace(find, (found) => {
    const old = found.replace(/\D/g, "");
    let next = number.length - old.length;
    // At most the country's code is missing; a number that starts with 0 is dialled in its own way.
    return next > 0 && next < 5 && old[0] !== "0"
      ? found.replace(/\d/g, () => number[next++]!)
      : display + found.replace(/[^\0]/g, "");
  });
