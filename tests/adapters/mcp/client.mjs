// The TypeScript SDK's client: lists the tools of a server, calls some, and prints what it gets.
// The server is a command line, or the URL of one on HTTP.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [command, ...args] = process.argv.slice(2);
const client = new Client({ name: "typescript", version: "1" });

function transport() {
  if (!command.startsWith("http")) return new StdioClientTransport({ command, args });
  const url = new URL(command);
  return url.pathname.endsWith("/sse") ? new SSEClientTransport(url) : new StreamableHTTPClientTransport(url);
}

const way = transport();
const progress = [];
await client.connect(way);
const { tools } = await client.listTools();
const customer = await client.callTool({ name: "customer", arguments: { name: "Ada" } });
const refused = await client.callTool({ name: "execute_sql", arguments: { sql: "DROP TABLE users" } });
const onprogress = ({ message }) => progress.push(message);
await client.callTool({ name: "slow", arguments: { seconds: 0.1 } }, undefined, { onprogress });
const ended = way instanceof StreamableHTTPClientTransport;
if (ended) await way.terminateSession();
console.log(JSON.stringify({ tools: tools.map((tool) => tool.name), customer, refused, progress, ended }));
await client.close();
