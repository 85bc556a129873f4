import { once } from "node:events";
import { createServer, connect } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

/** Stands between a client and a TCP server, and is the network between them on a bad day. */
export interface FaultProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** How many connections clients have open. */
  readonly connections: number;
  /** Bytes go on at once, in both directions. */
  heal(): void;
  /** Bytes arrive so much later, in each direction half of it. Their order stays. */
  delay(roundTripMs: number): void;
  /** Connections stay open, are even made, and nothing goes through, until `heal`: then it all does. */
  blackHole(): void;
  /** Only so many bytes a second go through, in each direction. */
  throttle(bytesPerSecond: number): void;
  /** Cuts every connection with a reset. New ones are made as before. */
  reset(): void;
  /** Cuts every connection, and refuses new ones until `heal`. */
  refuse(): Promise<void>;
}

type Fault =
  | { readonly kind: "none" }
  | { readonly kind: "delay"; readonly oneWayMs: number }
  | { readonly kind: "blackHole" }
  | { readonly kind: "throttle"; readonly bytesPerSecond: number };

const host = "127.0.0.1";

export async function startFaultProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<FaultProxy> {
  const proxy = new Proxy(target);
  await proxy.listen(0);
  return proxy;
}

class Proxy implements FaultProxy {
  readonly host = host;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #pairs = new Set<{ readonly client: Socket; readonly upstream: Socket }>();
  readonly #pipes = new Set<Pipe>();
  #server: Server | undefined;
  #port = 0;
  #fault: Fault = { kind: "none" };

  constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
  }

  get port(): number {
    return this.#port;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  async listen(port: number): Promise<void> {
    const server = createServer((client) => {
      this.#join(client);
    });
    server.listen(port, host);
    await once(server, "listening");
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  heal(): void {
    this.#set({ kind: "none" });
    if (this.#server === undefined) void this.listen(this.#port);
  }

  delay(roundTripMs: number): void {
    this.#set({ kind: "delay", oneWayMs: roundTripMs / 2 });
  }

  blackHole(): void {
    this.#set({ kind: "blackHole" });
  }

  throttle(bytesPerSecond: number): void {
    this.#set({ kind: "throttle", bytesPerSecond });
  }

  reset(): void {
    for (const { client, upstream } of this.#pairs) {
      client.resetAndDestroy();
      upstream.destroy();
    }
  }

  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.reset();
    if (server === undefined) return;
    server.close();
    await once(server, "close");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.refuse();
    for (const pipe of this.#pipes) pipe.end();
  }

  #set(fault: Fault): void {
    this.#fault = fault;
    for (const pipe of this.#pipes) pipe.change();
  }

  #join(client: Socket): void {
    const upstream = connect({ ...this.#target, noDelay: true });
    client.setNoDelay(true);
    const pair = { client, upstream };
    const pipes = [
      new Pipe(client, upstream, () => this.#fault),
      new Pipe(upstream, client, () => this.#fault),
    ];
    this.#pairs.add(pair);
    for (const pipe of pipes) this.#pipes.add(pipe);
    const part = (): void => {
      this.#pairs.delete(pair);
      for (const pipe of pipes) {
        this.#pipes.delete(pipe);
        pipe.end();
      }
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      socket.on("error", part);
      socket.on("close", part);
    }
  }
}

/** One direction of one connection. What came is kept in its order, and goes on when the fault lets it. */
class Pipe {
  readonly #to: Socket;
  readonly #faultNow: () => Fault;
  #waiting: { readonly bytes: Buffer; readonly cameMs: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, faultNow: () => Fault) {
    this.#to = to;
    this.#faultNow = faultNow;
    from.on("data", (bytes: Buffer) => {
      this.#waiting.push({ bytes, cameMs: performance.now() });
      if (this.#timer === undefined) this.change();
    });
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = [];
  }

  change(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const first = this.#waiting[0];
    if (first === undefined) return;
    const waitMs = this.#waitMs(first.bytes.length, first.cameMs);
    if (waitMs === undefined) return;
    if (waitMs > 0) {
      this.#timer = setTimeout(() => {
        this.#send();
      }, waitMs);
      return;
    }
    this.#send();
  }

  #send(): void {
    this.#timer = undefined;
    const first = this.#waiting.shift();
    if (first === undefined) return;
    this.#to.write(first.bytes);
    this.change();
  }

  /** Undefined: not before the fault changes. */
  #waitMs(byteCount: number, cameMs: number): number | undefined {
    const fault = this.#faultNow();
    switch (fault.kind) {
      case "none":
        return 0;
      case "delay":
        return cameMs + fault.oneWayMs - performance.now();
      case "throttle":
        return (byteCount * 1_000) / fault.bytesPerSecond;
      case "blackHole":
        return undefined;
    }
  }
}
