import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** A server that people would have their alerts sent to. */
export interface WebhookReceiver extends AsyncDisposable {
  readonly url: string;
  /** What was posted, in order, answered or not. */
  readonly received: readonly ReceivedPost[];
  /** How the next posts are answered; stays until changed. */
  answer(respond: (response: ServerResponse) => void): void;
}

export interface ReceivedPost {
  readonly path: string;
  readonly contentType: string | undefined;
  readonly json: { readonly text: string; readonly sentinel: Readonly<Record<string, unknown>> };
}

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  let respond = (response: ServerResponse): void => void response.writeHead(200).end("ok");
  const received: ReceivedPost[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const json = JSON.parse(body) as ReceivedPost["json"];
      const contentType = request.headers["content-type"];
      received.push({ path: request.url ?? "", contentType, json });
      respond(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hooks/secret-part`,
    received,
    answer(next) {
      respond = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
