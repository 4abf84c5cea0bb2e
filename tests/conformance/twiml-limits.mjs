// The limits that Twilio documents in words and its types cannot express.
//
// Each function receives an element whose name, place and attribute types are already known to be right and
// calls `report(element, attribute | null, rule, message)` for everything the documentation rules out.

import { isIP } from "node:net";

/** TwiML larger than this is refused by Twilio (error 11750). */
export const MAX_DOCUMENT_BYTES = 64 * 1024;

const MAX_NOUNS_PER_DIAL = 10;
const MAX_CALL_REASON = 50;
const MAX_SIP_URI = 254; // documented as "less than 255"
const MAX_SIP_HEADERS = 1023; // documented as "less than 1024"
const MAX_QUEUE_NAME = 64;

/** Documented attributes that the types lack. */
export const EXTRA_ATTRIBUTES = { Dial: { callReason: { kind: "string" } } };

/** The verbs each kind of document may have directly under Response. A plain voice answer may have any. */
export const VERBS_BY_KIND = {
  voice: null,
  whisper: new Set(["Play", "Say", "Gather", "Hangup"]),
  queue: new Set(["Play", "Say", "Pause", "Redirect"]),
  wait: new Set(["Play", "Say", "Pause", "Hangup", "Redirect", "Leave", "Gather"]),
};

const ANY = Infinity;
const MACHINE_DETECTION_RANGES = {
  machineDetectionTimeout: [3, 60],
  machineDetectionSpeechThreshold: [1000, 6000],
  machineDetectionSpeechEndThreshold: [500, 5000],
  machineDetectionSilenceTimeout: [2000, 10000],
};
const RANGES = {
  // Twilio allows 86,400 s only on accounts with the 24-hour feature switched on.
  Dial: { timeout: [5, 600], timeLimit: [1, 14400] },
  Number: MACHINE_DETECTION_RANGES,
  Sip: MACHINE_DETECTION_RANGES,
  Gather: { numDigits: [1, ANY], timeout: [1, ANY], maxSpeechTime: [1, ANY] },
  Pause: { length: [1, ANY] },
  Record: { maxLength: [1, 14400] },
  Conference: { maxParticipants: [2, 250] },
  Enqueue: { maxQueueSize: [1, 5000] },
};

const PATTERNS = {
  Number: { sendDigits: ["send-digits", /^[0-9A-DwW#*]+$/, "may hold only 0-9, A-D, w, W, # and *"] },
  Play: { digits: ["send-digits", /^[0-9A-DwW#*]+$/, "may hold only 0-9, A-D, w, W, # and *"] },
  Gather: {
    finishOnKey: ["finish-on-key", /^[0-9#*]?$/, "must be one of 0-9, # and *, or empty"],
    speechTimeout: ["speech-timeout", /^(auto|[1-9]\d*)$/, "must be auto or a positive whole number"],
  },
  Record: { finishOnKey: ["finish-on-key", /^[0-9#*]+$/, "may hold only 0-9, # and *"] },
};
const MACHINE_DETECTION = /^(Enable|DetectMessageEnd)$/;

export function checkLimits(element, report) {
  for (const [attribute, value] of Object.entries(element.attributes)) checkAttribute(element, attribute, value, report);
  switch (element.name) {
    case "Dial":
      checkDial(element, report);
      break;
    case "Number":
      if (element.parent.name === "Dial") checkPhoneNumber(element, element.text, report);
      break;
    case "Sip":
      if (element.parent.name === "Dial" && !element.text.trim() && !element.children.some((child) => child.name === "Uri")) {
        report(element, null, "text-missing", "a SIP URI is required");
      }
      checkSipUri(element, report);
      break;
    case "Uri":
      checkSipUri(element, report);
      break;
    case "Redirect":
      if (element.text.trim()) checkUrl(element, null, element.text.trim(), report);
      break;
    case "Play":
      if (element.text.trim()) checkUrl(element, null, element.text.trim(), report);
      else if (!element.attributes.digits) report(element, null, "play-empty", "a URL or the digits attribute is required");
      break;
    case "Enqueue":
      if (element.text.trim().length > MAX_QUEUE_NAME) {
        report(element, null, "length", `a queue name may have at most ${MAX_QUEUE_NAME} characters`);
      }
      break;
  }
}

function checkAttribute(element, attribute, value, report) {
  const range = RANGES[element.name]?.[attribute];
  if (range && (Number(value) < range[0] || Number(value) > range[1])) {
    report(element, attribute, "range", `${value} is not ${range[1] === ANY ? `at least ${range[0]}` : `${range[0]} to ${range[1]}`}`);
  }
  const pattern = PATTERNS[element.name]?.[attribute];
  if (pattern && !pattern[1].test(value)) report(element, attribute, pattern[0], pattern[2]);
  if (attribute === "machineDetection" && !MACHINE_DETECTION.test(value)) {
    report(element, attribute, "machine-detection", "must be Enable or DetectMessageEnd");
  }
  if (/(^m|M)ethod$/.test(attribute) && value !== "GET" && value !== "POST") {
    report(element, attribute, "method", "must be GET or POST");
  }
  if (isUrlAttribute(attribute)) {
    const silence = element.name === "Conference" && attribute === "waitUrl" && value === "";
    if (!silence) checkUrl(element, attribute, value, report);
  }
}

function isUrlAttribute(attribute) {
  return attribute === "action" || attribute === "url" || /(Callback|CallbackUrl|Url)$/.test(attribute);
}

function checkDial(dial, report) {
  const nouns = dial.children;
  const text = dial.text.trim();
  if (nouns.length > MAX_NOUNS_PER_DIAL) {
    report(dial, null, "too-many-nouns", `${nouns.length} nouns, at most ${MAX_NOUNS_PER_DIAL} are allowed`);
  }
  if (!text && nouns.length === 0) report(dial, null, "dial-empty", "a number or a noun is required");
  if (text && nouns.length > 0) report(dial, null, "dial-mixed", "text and nouns cannot be dialled together");
  if (text) checkPhoneNumber(dial, text, report);
  const alone = nouns.find((noun) => noun.name === "Conference" || noun.name === "Queue");
  if (alone && nouns.length > 1) report(alone, null, "dial-mixed", `<${alone.name}> must be the only noun of its Dial`);

  const { answerOnBridge, callReason, callerId } = dial.attributes;
  if (answerOnBridge === "true" && dial.parent.children[0] !== dial) {
    report(dial, "answerOnBridge", "answer-on-bridge", `works only when Dial is the first verb, here it is <${dial.parent.children[0].name}>`);
  }
  if (callReason !== undefined && (callReason === "" || [...callReason].length > MAX_CALL_REASON)) {
    report(dial, "callReason", "call-reason", `must have 1 to ${MAX_CALL_REASON} characters`);
  }
  if (callerId !== undefined) checkCallerId(dial, callerId, report);
}

/** SIP legs take free strings, Client legs also a client name, telephone legs only a telephone number. */
function checkCallerId(dial, callerId, report) {
  if (/^\+?[0-9]{3,15}$/.test(callerId)) return;
  const kinds = new Set(dial.children.map((noun) => noun.name));
  const only = (...names) => kinds.size > 0 && [...kinds].every((kind) => names.includes(kind));
  if (only("Sip") && /^[A-Za-z0-9+\-_.]+$/.test(callerId)) return;
  if (only("Client", "Conference", "Queue", "Application") && /^client:\S+$/.test(callerId)) return;
  report(dial, "callerId", "caller-id", "is not a caller ID that these nouns accept");
}

/** Twilio reads numbers with the usual punctuation; extensions belong in sendDigits. */
function checkPhoneNumber(element, text, report) {
  const number = text.trim();
  const digits = number.replace(/\D/g, "").length;
  if (!number) return; // a missing text is reported from the types
  if (!/^\+?[0-9()\-. ]+$/.test(number) || digits < 3 || digits > 15) {
    report(element, null, "phone-number", "is not a telephone number");
  }
}

/**
 * Absolute, http or https, only characters a URL may hold. Media streams and relays speak WebSocket.
 * What follows `#` overrides how Twilio connects, and a mistake there is silently ignored by Twilio.
 */
function checkUrl(element, attribute, value, report) {
  const webSocket = attribute === "url" && (element.name === "Stream" || element.name === "ConversationRelay");
  const scheme = webSocket ? /^wss:\/\//i : /^https?:\/\//i;
  if (!scheme.test(value)) return report(element, attribute, "url", `is not an absolute ${webSocket ? "wss" : "http(s)"} URL`);
  if (!/^([A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/.test(value)) {
    return report(element, attribute, "url", "holds a character that must be percent-encoded");
  }
  if (!URL.canParse(value)) return report(element, attribute, "url", "cannot be read as a URL");

  // The host as written: the URL parser would repair some of what Twilio refuses.
  const authority = /^[a-z]+:\/\/([^/?#]*)/i.exec(value)[1];
  const host = authority.slice(authority.lastIndexOf("@") + 1).replace(/:\d*$/, "");
  if (!isHostName(host)) report(element, attribute, "host", "has a host that is not a valid host name (underscores are refused)");
  const fragment = value.indexOf("#");
  if (fragment >= 0 && !webSocket) checkOverrides(element, attribute, value.slice(fragment + 1), report);
}

function isHostName(host) {
  if (host.startsWith("[")) return isIP(host.slice(1, -1)) === 6;
  return host.length <= 253 && host.split(".").every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(label));
}

const within = (low, high) => (value) => /^\d+$/.test(value) && Number(value) >= low && Number(value) <= high;
const OVERRIDES = {
  rc: within(0, 5),
  ct: within(100, 10000),
  rt: within(100, 15000),
  tt: within(100, 15000),
  rp: (value) => value.split(",").every((policy) => ["4xx", "5xx", "ct", "rt", "all"].includes(policy)),
  sni: (value) => value === "y" || value === "n",
  e: (value) => /^[a-z-]+(,[a-z-]+)*$/.test(value),
};

function checkOverrides(element, attribute, fragment, report) {
  for (const pair of fragment.split("&")) {
    const [name, value = ""] = pair.split("=", 2);
    if (!Object.hasOwn(OVERRIDES, name) || !OVERRIDES[name](value)) {
      report(element, attribute, "connection-override", `${pair || "an empty fragment"} is not a connection override Twilio knows`);
    }
  }
}

const SIP_URI = /^sips?:(?:[^@\s?;]+@)?(\[[0-9a-f:.]+\]|[^\s:;?@[\]]+)(?::(\d{1,5}))?((?:;[^\s;?]+)*)(?:\?(.*))?$/i;
const SIP_TRANSPORTS = ["udp", "tcp", "tls"];
const SIP_REGIONS = ["us1", "us2", "ie1", "de1", "sg1", "jp1", "br1", "au1"];
const SIP_HEADER_NAME = /^(X-[A-Za-z0-9-]+|User-to-User|Remote-Party-ID|P-Preferred-Identity|P-Called-Party-ID)$/i;
const SIP_HEADER_VALUE = /^([A-Za-z0-9\-_.!~*'()[\]/?:+$]|%[0-9A-Fa-f]{2})*$/;

function checkSipUri(element, report) {
  const uri = element.text.trim();
  const fail = (message) => report(element, null, "sip-uri", message);
  if (!uri) return; // a missing URI is reported elsewhere
  const parts = SIP_URI.exec(uri);
  if (!parts) return fail("is not a SIP URI");
  const [, host, port, parameters, headers] = parts;
  if (!isHostName(host)) fail("has a host that is not a valid host name");
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535)) fail("has a port that is not 1 to 65535");
  const withoutHeaders = headers === undefined ? uri : uri.slice(0, uri.indexOf("?"));
  if (withoutHeaders.length > MAX_SIP_URI) fail("must be shorter than 255 characters");
  for (const parameter of parameters.split(";").filter(Boolean)) {
    const [name, value] = parameter.toLowerCase().split("=", 2);
    if (name === "transport" && !SIP_TRANSPORTS.includes(value)) fail(`transport must be one of ${SIP_TRANSPORTS.join(", ")}`);
    if (name === "region" && !SIP_REGIONS.includes(value)) fail(`region must be one of ${SIP_REGIONS.join(", ")}`);
  }
  if (headers === undefined) return;
  if (headers.length > MAX_SIP_HEADERS) fail("headers must be shorter than 1024 characters");
  for (const header of headers.split("&")) {
    const equals = header.indexOf("=");
    const name = equals < 0 ? header : header.slice(0, equals);
    if (equals < 0 || !SIP_HEADER_NAME.test(name)) fail("has a header that Twilio does not pass on");
    else if (!SIP_HEADER_VALUE.test(header.slice(equals + 1))) fail(`header ${name} must be percent-encoded`);
  }
}
