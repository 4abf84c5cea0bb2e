// Ten bidders asked at once by a Node service, as one is usually written: to measure our auction against.
//
//   node auction.mjs fetch|undici URL…
//
// Each line on standard input is a number of auctions to run one after the other; the answer is one line of JSON:
// {"auctions", "cpu_us" (of this process, for each auction), "took_us" (each auction), "won" (how often the best bid was found)}.
// Only the auction is done: no database, no web server, no log, so the comparison is kind to this side.
import readline from 'node:readline';

const [shape, ...urls] = process.argv.slice(2);
const call = { CID: '+14155550100', zip: '94105' };
const patienceMs = 5_000;
const headers = { 'content-type': 'application/json', accept: 'application/json' };

async function withFetch(url, body) {
  const answer = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(patienceMs) });
  return answer.json();
}

async function undiciAsker() {
  const { Agent, request } = await import('undici');
  const dispatcher = new Agent({ connections: 64 });
  const patience = { headersTimeout: patienceMs, bodyTimeout: patienceMs };
  return async (url, body) => {
    const answer = await request(url, { method: 'POST', headers, body, dispatcher, ...patience });
    return answer.body.json();
  };
}

const askers = { fetch: async () => withFetch, undici: undiciAsker };
if (!askers[shape] || urls.length === 0) {
  console.error('usage: node auction.mjs fetch|undici URL…');
  process.exit(2);
}
const ask = await askers[shape]();

async function auction() {
  const body = JSON.stringify(call);
  const bids = await Promise.all(
    urls.map(async (url, index) => {
      try {
        const answer = await ask(url, body);
        return { index, amount: answer.accepted ? Number(answer.bidAmount) : 0 };
      } catch {
        return { index, amount: 0 };
      }
    }),
  );
  return bids.reduce((best, bid) => (bid.amount > best.amount ? bid : best)).index;
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const auctions = Number(line);
  const took = [];
  let won = 0;
  const before = process.cpuUsage();
  for (let run = 0; run < auctions; run += 1) {
    const began = process.hrtime.bigint();
    if ((await auction()) === 0) won += 1;
    took.push(Number((process.hrtime.bigint() - began) / 1_000n));
  }
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ auctions, cpu_us: Math.round((user + system) / auctions), took_us: took, won }));
}
