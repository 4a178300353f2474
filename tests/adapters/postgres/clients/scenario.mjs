// node-postgres: what it sees is printed as JSON, one line per observation.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const pg = require(process.env.NODE_PATH + "/pg");
const Cursor = require(process.env.NODE_PATH + "/pg-cursor");

const say = (what) => console.log(JSON.stringify(what));
const failing = async (action) => {
  try {
    return await action();
  } catch (e) {
    const { code, severity, message, detail, hint, position, constraint, table, where } = e;
    return { code, severity, message, detail, hint, position, constraint, table, where };
  }
};
const result = (r) => ({ rows: r.rows, command: r.command, count: r.rowCount, fields: r.fields?.map((f) => [f.name, f.dataTypeID, f.format]) });

const config = { ssl: false };
const client = new pg.Client(config);
const notices = [];
const heard = [];
client.on("notice", (n) => notices.push([n.severity, n.message]));
client.on("notification", (n) => heard.push([n.channel, n.payload]));
await client.connect();

say(result(await client.query("SELECT id, name, email, address, tags, balance, created_at FROM customers ORDER BY id")));
say(result(await client.query("SELECT $1::int AS a, $2::text AS b, $3::jsonb AS c, $4::bytea AS d", [1, "é", { k: [1] }, Buffer.from([0, 255])])));
say(result(await client.query({ text: "SELECT id, amount FROM orders WHERE id < $1 ORDER BY id", values: [4], rowMode: "array" })));
for (const id of [1, 2, 99])
  say(result(await client.query({ name: "item", text: "SELECT item FROM orders WHERE id = $1", values: [id] })));
say(result(await client.query({ text: "SELECT 1 AS one, 'x' AS two", binary: true })));
say((await client.query("SELECT 1 AS a; SELECT 2 AS b; UPDATE orders SET item = item WHERE id < 3")).map(result));
say(await failing(() => client.query("SELECT 1/0")));
say(await failing(() => client.query("SELECT nowhere FROM customers")));
say(await failing(() => client.query("SELEC 1")));
say(await failing(() => client.query("SELECT 1/$1::int", [0])));
say(await failing(() => client.query("INSERT INTO orders VALUES ($1, 4711, 'x', 1, now())", [999])));
await client.query("BEGIN");
await client.query("INSERT INTO orders VALUES (500, 1, 'é', 1, '2026-01-05')");
say(await failing(() => client.query("SELECT 1/0")));
say(await failing(() => client.query("SELECT 1")));
say(result(await client.query("COMMIT")));

const cursor = client.query(new Cursor("SELECT id FROM generate_series(1, 20) AS id", []));
say(await cursor.read(7));
say(await cursor.read(100));
await cursor.close();

await client.query("LISTEN news");
await client.query("SELECT pg_notify('news', 'payload')");
await client.query("DO $$ BEGIN RAISE NOTICE 'told'; END $$");
say([notices, heard]);
say((await Promise.all([1, 2, 3, 4, 5].map((n) => client.query("SELECT $1::int AS n", [n])))).map((r) => r.rows));
await client.end();

const pool = new pg.Pool({ ...config, max: 4 });
say((await Promise.all([...Array(20).keys()].map((n) => pool.query("SELECT $1::int AS n", [n])))).map((r) => r.rows[0].n));
await pool.end();
