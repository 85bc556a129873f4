import { Agent, request } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { once } from "node:events";
import { connect } from "node:net";

/** What became of a request: an answer, no connection at all, or a connection that broke before the answer. */
export type Ending = "answered" | "refused" | "broken";

/** How many requests ended in which way. */
export type Tally = Record<Ending, number>;

export const emptyTally = (): Tally => ({ answered: 0, refused: 0, broken: 0 });

/** Clients that each ask again as soon as they are answered, on a connection that they keep as long as they may. */
export interface Hammering extends Disposable {
  readonly tally: Tally;
  /** Resolves when each has been told to go, or finds nobody any more. */
  readonly over: Promise<void>;
}

/** Every client goes on until an answer says that its connection closes, or nobody takes its connection. */
export function hammer(url: string, clientCount: number): Hammering {
  const tally = emptyTally();
  const agents = Array.from({ length: clientCount }, () => new Agent({ keepAlive: true }));
  const ask = async (agent: Agent): Promise<void> => {
    for (;;) {
      const ending = await askOnce(url, agent);
      tally[ending.kind]++;
      if (ending.kind !== "answered" || ending.isLast) return;
    }
  };
  return {
    tally,
    over: Promise.all(agents.map(ask)).then(() => undefined),
    [Symbol.dispose]: () => {
      for (const agent of agents) agent.destroy();
    },
  };
}

type Asked =
  | { readonly kind: "answered"; readonly isLast: boolean }
  | { readonly kind: Exclude<Ending, "answered"> };

async function askOnce(url: string, agent: Agent): Promise<Asked> {
  const asked: ClientRequest = request(`${url}/health/live`, { agent });
  try {
    asked.end();
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    answer.resume();
    await once(answer, "end");
    return { kind: "answered", isLast: answer.headers.connection === "close" };
  } catch (error) {
    const isRefused = error instanceof Error && "code" in error && error.code === "ECONNREFUSED";
    return { kind: isRefused ? "refused" : "broken" };
  }
}

/** Connections that the kernel has taken and that have said nothing yet. */
export interface FreshConnections {
  /** Each sends a whole request, the n-th after n times `everyMs`; resolves when all are over. */
  ask(everyMs: number): Promise<Tally>;
}

export async function openFresh(url: string, count: number): Promise<FreshConnections> {
  const { hostname, port } = new URL(url);
  const sockets = Array.from({ length: count }, () => connect(Number(port), hostname));
  const endings = sockets.map(
    (socket) =>
      new Promise<Ending>((resolve) => {
        let received = "";
        socket.setEncoding("latin1").on("data", (part: string) => (received += part));
        socket.on("error", () => undefined); // It is over then; what came before says how.
        socket.once("close", () => {
          resolve(received.startsWith("HTTP/1.1 ") ? "answered" : "broken");
        });
      }),
  );
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  return {
    ask: async (everyMs) => {
      sockets.forEach((socket, index) => {
        setTimeout(() => {
          socket.write("GET /health/ready HTTP/1.1\r\nhost: gateway\r\n\r\n");
        }, index * everyMs);
      });
      const tally = emptyTally();
      for (const ending of await Promise.all(endings)) tally[ending]++;
      return tally;
    },
  };
}
