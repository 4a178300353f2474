// The TypeScript SDK's client: lists the tools of a server, calls some, and prints what it gets.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const [command, ...args] = process.argv.slice(2);
const client = new Client({ name: "typescript", version: "1" });
await client.connect(new StdioClientTransport({ command, args }));
const { tools } = await client.listTools();
const customer = await client.callTool({ name: "customer", arguments: { name: "Ada" } });
const refused = await client.callTool({ name: "execute_sql", arguments: { sql: "DROP TABLE users" } });
console.log(JSON.stringify({ tools: tools.map((tool) => tool.name), customer, refused }));
await client.close();
