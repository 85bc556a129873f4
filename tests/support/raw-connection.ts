import { connect } from "node:net";
import type { Socket } from "node:net";

import { until } from "./gateway.ts";

/** A connection on which a test writes what it likes, HTTP or not, and keeps its own half open. */
export interface RawConnection extends Disposable {
  readonly socket: Socket;
  readonly received: string;
  /** The other side has said its last, by an end or a reset. */
  readonly isOver: boolean;
  send(bytes: string | Buffer): void;
  /** The next whole answer with a `content-length`. */
  answer(): Promise<RawAnswer>;
  untilOver(): Promise<void>;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export function openRaw(url: string): RawConnection {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  let received = "";
  let isOver = false;
  let read = 0;
  socket.setEncoding("latin1").on("data", (part: string) => {
    received += part;
  });
  const end = (): void => {
    isOver = true;
  };
  socket.on("end", end).on("close", end).on("error", end);
  return {
    socket,
    get received() {
      return received;
    },
    get isOver() {
      return isOver;
    },
    send: (bytes) => void socket.write(bytes),
    answer: async () => {
      let found = parseAnswer(received.slice(read));
      await until("an answer is whole", () => {
        found = parseAnswer(received.slice(read));
        return found !== undefined || isOver;
      });
      if (found === undefined) throw new Error(`no answer, but: ${received.slice(read)}`);
      read += found.length;
      return found.answer;
    },
    untilOver: () => until("the connection is over", () => isOver),
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

function parseAnswer(text: string): { answer: RawAnswer; length: number } | undefined {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const [statusLine = "", ...lines] = text.slice(0, headEnd).split("\r\n");
  const headers = new Headers(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    }),
  );
  const length = headEnd + 4 + Number(headers.get("content-length") ?? 0);
  if (text.length < length) return undefined;
  const status = Number(statusLine.split(" ")[1]);
  return { answer: { status, headers, text: text.slice(headEnd + 4, length) }, length };
}

export interface RawHead {
  readonly method?: string;
  readonly path?: string;
  /** In place of the host, the key and the content type that a good request has. */
  readonly headers?: readonly string[];
}

/** The head of a request, up to and with its empty line. */
export function head(key: string, { method = "POST", path = chatPath, headers }: RawHead): string {
  const lines = headers ?? ["host: gateway", ...goodHeaders(key)];
  return `${method} ${path} HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
}

export const chatPath = "/v1/chat/completions";

export const goodHeaders = (key: string): string[] => [
  `authorization: Bearer ${key}`,
  "content-type: application/json",
];

/** A whole good request for `body`. */
export function wholeRequest(key: string, body: string, more: readonly string[] = []): string {
  const length = `content-length: ${Buffer.byteLength(body)}`;
  return head(key, { headers: ["host: gateway", ...goodHeaders(key), length, ...more] }) + body;
}
