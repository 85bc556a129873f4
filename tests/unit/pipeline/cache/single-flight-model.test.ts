import fc from "fast-check";
import { expect, test } from "vitest";

import type { BatchSource } from "../../../../src/pipeline/cache/flight.ts";
import { SingleFlight } from "../../../../src/pipeline/cache/single-flight.ts";
import { ScriptedCall, settled } from "./scripted-call.ts";
import type { Piece } from "./scripted-call.ts";

/**
 * Random interleavings of callers who come, read, stop and leave with calls that begin, give, end and fail. What must
 * hold after each step, whatever came before, is at the end of the file.
 */
type Step =
  | { readonly kind: "ask"; readonly key: string }
  | { readonly kind: "leave" | "cancel" | "read"; readonly who: number }
  | { readonly kind: "begin" | "give" | "end" | "fail"; readonly which: number };

const pick = fc.nat(1_000);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("ask" as const), key: fc.constantFrom("a", "b") }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constantFrom("leave", "cancel", "read", "read", "read", "read", "read"),
      who: pick,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom("begin", "begin", "give", "give", "give", "give", "end", "fail"),
      which: pick,
    }),
  },
);

const windowBytesMax = 6;
const pieceBytesMax = 3;

class Client {
  readonly key: string;
  readonly leaving = new AbortController();
  /** The call whose pieces it gets: told by the head. */
  call: Call | undefined;
  role: string | undefined;
  source: BatchSource<Piece> | undefined;
  readonly got: string[] = [];
  isReading = false;
  hasLeft = false;
  end: "whole" | { readonly thrown: unknown } | undefined;
  /** The calls that it made itself. */
  readonly own: Call[] = [];

  constructor(key: string) {
    this.key = key;
  }

  get waits(): boolean {
    return !this.hasLeft && this.end === undefined;
  }

  read(): void {
    const { source } = this;
    if (source === undefined || this.isReading || !this.waits) return;
    this.isReading = true;
    source.next().then(
      ({ text, isLast }) => {
        this.isReading = false;
        this.got.push(text);
        if (isLast) this.end = "whole";
      },
      (thrown: unknown) => {
        this.isReading = false;
        this.end = { thrown };
      },
    );
  }
}

interface Call {
  readonly script: ScriptedCall;
  readonly key: string;
  readonly failure: Error;
}

class Stage {
  readonly flights = new SingleFlight<string, Piece>({
    sizeOf: ({ text }) => text.length,
    windowBytesMax,
  });
  readonly clients: Client[] = [];
  readonly calls: Call[] = [];
  #pieces = 0;

  run(step: Step): void {
    switch (step.kind) {
      case "ask":
        this.#ask(step.key);
        break;
      case "leave":
      case "cancel":
      case "read":
        this.#act(step.kind, this.clients[step.who % Math.max(1, this.clients.length)]);
        break;
      case "begin":
      case "give":
      case "end":
      case "fail": {
        const open = this.calls.filter(({ script }) => !script.isOver);
        const call = open[step.which % Math.max(1, open.length)];
        if (call !== undefined) this.#advance(step.kind, call);
      }
    }
  }

  #ask(key: string): void {
    const client = new Client(key);
    this.clients.push(client);
    const start = (signal: AbortSignal) => {
      const script = new ScriptedCall(signal);
      const call = { script, key, failure: new Error(`call ${this.calls.length} failed`) };
      this.calls.push(call);
      client.own.push(call);
      return script.begun;
    };
    this.flights.join(key, { start, signal: client.leaving.signal }).then(
      ({ role, head, source }) => {
        client.role = role;
        client.call = this.calls[Number(head)];
        client.source = source;
      },
      (thrown: unknown) => {
        client.end = { thrown };
      },
    );
  }

  #act(kind: "leave" | "cancel" | "read", client: Client | undefined): void {
    if (client === undefined) return;
    if (kind === "read") client.read();
    else if (kind === "leave") {
      client.hasLeft = true;
      client.leaving.abort(new Error("left"));
    } else if (client.source !== undefined) {
      client.hasLeft = true;
      client.source.cancel();
    }
  }

  #advance(kind: "begin" | "give" | "end" | "fail", call: Call): void {
    const { script, failure } = call;
    if (kind === "fail") script.fail(failure);
    else if (!script.hasBegun) script.begin(String(this.calls.indexOf(call)));
    else if (kind !== "begin" && script.isAsked) {
      this.#pieces++;
      script.give(
        String(this.#pieces).padStart(1 + (this.#pieces % pieceBytesMax), "."),
        kind === "end",
      );
    }
  }

  /** Everything goes on to its end: calls give and end, clients read. */
  async finish(): Promise<void> {
    for (let round = 0; round < 200; round++) {
      for (const client of this.clients) client.read();
      for (const call of this.calls) {
        if (!call.script.isOver) this.#advance(round % 5 === 4 ? "end" : "give", call);
      }
      await settled();
      if (this.clients.every((client) => !client.waits)) return;
    }
  }
}

test("whatever callers and calls do, and in whichever order", async () => {
  let followers = 0;
  let failures = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const stage = new Stage();
      for (const each of steps) {
        stage.run(each);
        await settled();
        checkAll(stage);
      }
      await stage.finish();
      await settled();
      checkAll(stage);
      for (const client of stage.clients) expect(client.waits).toBe(false);
      expect(stage.flights.size).toBe(0);
      expect(stage.flights.heldBytes).toBe(0);
      followers += stage.clients.filter(({ role }) => role === "follower").length;
      failures += stage.clients.filter(({ end }) => typeof end === "object").length;
    }),
    { numRuns: 400 },
  );
  // It would prove nothing if nobody had followed, or nothing had failed.
  expect(followers).toBeGreaterThan(100);
  expect(failures).toBeGreaterThan(100);
}, 60_000);

function checkAll({ clients, calls, flights }: Stage): void {
  for (const client of clients) checkClient(client);
  for (const call of calls) checkCall(call, clients);
  const open = calls.filter(({ script }) => !script.isOver);
  expect(flights.size).toBeLessThanOrEqual(2);
  expect(flights.heldBytes).toBeLessThanOrEqual(
    calls.length * (windowBytesMax + 1 + pieceBytesMax) + open.length,
  );
}

function checkClient({ key, call, got, end, hasLeft, own, role }: Client): void {
  // It gets one call's pieces, of its own key, from the first on, in their order and without a gap.
  if (call !== undefined) {
    expect(call.key).toBe(key);
    expect(got).toEqual(call.script.given.slice(0, got.length));
    if (end === "whole") expect(got).toEqual(call.script.given);
  }
  // It makes no more than one call.
  expect(own.length).toBeLessThanOrEqual(1);
  if (role === "follower") expect(own).toHaveLength(0);
  if (typeof end !== "object" || hasLeft) return;
  // Only its own call's failure is its own, and that of a call of which it has had something.
  const causes = [...own, ...(got.length > 0 && call !== undefined ? [call] : [])];
  expect(causes.map(({ failure }) => failure)).toContain(end.thrown);
}

function checkCall({ script, key }: Call, clients: readonly Client[]): void {
  const isWanted = clients.some((client) => client.key === key && client.waits);
  if (!isWanted && !script.isOver) expect(script.signal.aborted).toBe(true);
  // A call is ended early only if nobody waits for anything of it.
  if (!script.signal.aborted) return;
  const waiting = clients.filter(({ waits, call }) => waits && call?.script === script);
  expect(waiting).toEqual([]);
}
