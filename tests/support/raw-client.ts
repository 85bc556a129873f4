import { connect } from "node:net";
import type { Socket } from "node:net";

import type { TestGateway } from "./gateway.ts";

/** A client that sees the bytes of HTTP itself: what `fetch` hides, and what it would never do. */
export interface RawClient extends Disposable {
  readonly socket: Socket;
  readonly received: string;
  /** Resolves when the answer has ended as chunks end; rejects if the connection is over before. */
  untilWhole(): Promise<void>;
  /** The connection is over, however it ended. */
  readonly isClosed: boolean;
}

export interface RawRequest {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object;
}

/** Sends a POST with the gateway's key over a socket of its own. */
export function rawPost(gateway: TestGateway, request: RawRequest): RawClient {
  const { hostname, port } = new URL(gateway.url);
  const body = JSON.stringify(request.body);
  const headers = {
    host: "gateway",
    authorization: `Bearer ${gateway.key}`,
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    ...request.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const socket = connect(Number(port), hostname);
  const parts: Buffer[] = [];
  let isClosed = false;
  socket.on("data", (part: Buffer) => parts.push(part));
  socket.on("error", () => undefined); // A reset is an end too; `isClosed` tells of it.
  socket.on("close", () => {
    isClosed = true;
  });
  const path = request.path ?? "/v1/chat/completions";
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
  return {
    socket,
    get received() {
      return Buffer.concat(parts).toString("utf8");
    },
    untilWhole: () =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const tail = Buffer.concat(parts.slice(-2)).toString("latin1").slice(-7);
          if (tail === "\r\n0\r\n\r\n") resolve();
        };
        socket.on("data", look).on("close", () => {
          reject(new Error("the connection was over before the answer"));
        });
        look();
      }),
    get isClosed() {
      return isClosed;
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}
