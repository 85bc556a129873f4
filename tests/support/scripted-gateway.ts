import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** A request as the gateway saw it. */
export interface SeenByGateway {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** How many came before it. */
  readonly index: number;
}

export type GatewayScript = (seen: SeenByGateway, response: ServerResponse) => void | Promise<void>;

export interface ScriptedGateway extends AsyncDisposable {
  readonly url: string;
  readonly seen: readonly SeenByGateway[];
  /** The most requests that ran at the same time. */
  readonly mostAtOnce: () => number;
}

/** Answers as a test tells it to, in the place of a gateway. */
export async function startScriptedGateway(script: GatewayScript): Promise<ScriptedGateway> {
  const seen: SeenByGateway[] = [];
  let running = 0;
  let mostAtOnce = 0;
  const server = createServer((request, response) => {
    mostAtOnce = Math.max(mostAtOnce, ++running);
    response.once("close", () => running--);
    void text(request).then((body) => {
      const { url: path = "", headers } = request;
      const one = { path, headers, body, index: seen.length };
      seen.push(one);
      return script(one, response);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    mostAtOnce: () => mostAtOnce,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** An answer from the cache, or past it. */
export function answerWith(
  response: ServerResponse,
  cache: string,
  { usd = "0.000100000", status = "exact" } = {},
): void {
  response
    .writeHead(200, {
      "content-type": "application/json",
      "x-sentinel-cache": cache,
      "x-sentinel-cost-usd": usd,
      "x-sentinel-cost-status": status,
    })
    .end("{}");
}

export function refuseWith(
  response: ServerResponse,
  status: number,
  error: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): void {
  response
    .writeHead(status, {
      "content-type": "application/json",
      "x-request-id": "01KC2J9M4T0000000000000000",
      ...headers,
    })
    .end(JSON.stringify({ error: { message: "No.", param: null, ...error } }));
}
