import type { ServerResponse } from "node:http";

import { startGateway } from "../support/gateway.ts";
import type { TestGateway } from "../support/gateway.ts";
import { impatient, yamlOf } from "../support/one-upstream.ts";
import { startScriptedUpstream } from "../support/scripted-upstream.ts";
import type { Script, ScriptedUpstream, SeenRequest } from "../support/scripted-upstream.ts";
import type { Client, ClientName, Mode } from "./ask.ts";
import { anthropicClient } from "./clients/anthropic.ts";
import { openAiClient } from "./clients/openai.ts";
import { Complaint } from "./vendors/vendor.ts";
import type { Answer, SeenAsk, Vendor } from "./vendors/vendor.ts";

/** One vendor, played by a script that refuses what the vendor would, behind one gateway. */
export interface Stage extends AsyncDisposable {
  readonly vendor: Vendor;
  readonly gateway: TestGateway;
  readonly upstream: ScriptedUpstream;
  /** What the upstream refused, in order. */
  readonly complaints: readonly string[];
  /** Of the usual provider, or of one that a test may wear out (`errorProvider`). */
  client(name: ClientName, providerName?: string): Client;
  /** The next requests, if the vendor would take them, are answered with this. */
  answer(answer: Answer): void;
  /** The same, with a script that writes the answer itself. */
  play(play: (response: ServerResponse, ask: SeenAsk) => void | Promise<void>): void;
  /** The last request, as the vendor reads it. */
  seen(): SeenAsk;
  /** Forgets requests and complaints. */
  forget(): void;
}

export async function startStage(vendor: Vendor): Promise<Stage> {
  const upstream = await startScriptedUpstream();
  const provider = {
    type: vendor.name,
    base_url: upstream.baseUrl.replace(/\/v1$/, vendor.basePath),
    api_keys: ["sk-upstream"],
    models: [vendor.usualModel],
    // The errors of one cell must not keep the next from being answered.
    breaker: { consecutive_failures: 10_000, minimum_requests: 1_000_000 },
  };
  const names = [vendor.name, ...errorProviders(vendor)];
  const gateway = await startGateway({
    yaml: yamlOf({
      providers: Object.fromEntries(names.map((name) => [name, provider])),
      defaults: { retries: 0 },
    }),
    env: impatient,
  });
  const complaints: string[] = [];
  const play: Stage["play"] = (answer) => {
    upstream.answer(guarded(vendor, complaints, answer));
  };
  return {
    vendor,
    gateway,
    upstream,
    complaints,
    client: (name, providerName = vendor.name) => {
      const access = { apiKey: gateway.key, modelPrefix: `${providerName}/` };
      const options = { ...access, usualModel: vendor.usualModel };
      return name === "openai"
        ? openAiClient({ ...options, baseUrl: `${gateway.url}/v1` })
        : anthropicClient({ ...options, baseUrl: gateway.url });
    },
    answer: (answer) => {
      play((response, ask) => write(response, vendor, { answer, ask }));
    },
    play,
    seen: () => {
      const last = upstream.seen.at(-1);
      if (last === undefined) throw new Error("the upstream has seen no request");
      return vendor.read(last);
    },
    forget: () => {
      upstream.forget();
      complaints.length = 0;
    },
    [Symbol.asyncDispose]: async () => {
      await gateway.close();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

export const errorStatuses = [400, 401, 404, 429, 500, 503, 529] as const;

/** A provider whose key is refused, or that asks for patience, may be left alone: each cell has its own. */
export function errorProvider(
  vendor: Vendor,
  cell: { readonly status: number; readonly client: ClientName; readonly mode: Mode },
): string {
  return `${vendor.name}-${cell.status}-${cell.client}-${cell.mode}`;
}

function errorProviders(vendor: Vendor): string[] {
  return errorStatuses.flatMap((status) =>
    (["openai", "anthropic"] as const).flatMap((client) =>
      (["whole", "streamed"] as const).map((mode) =>
        errorProvider(vendor, { status, client, mode }),
      ),
    ),
  );
}

const guarded =
  (vendor: Vendor, complaints: string[], play: Parameters<Stage["play"]>[0]): Script =>
  (response, request) => {
    const complaint = complaintOf(vendor, request);
    if (complaint === undefined) return play(response, vendor.read(request));
    complaints.push(`${complaint}\n${request.body.toString("utf8")}`);
    const error = { status: 400, message: complaint };
    writeJson(response, error.status, vendor.errorBody(error));
    return undefined;
  };

function complaintOf(vendor: Vendor, request: SeenRequest): string | undefined {
  try {
    vendor.check(request);
    return undefined;
  } catch (error) {
    if (error instanceof Complaint) return error.message;
    throw error;
  }
}

export function writeJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

function write(
  response: ServerResponse,
  vendor: Vendor,
  { answer, ask }: { readonly answer: Answer; readonly ask: SeenAsk },
): Promise<void> | void {
  if (!ask.isStream) {
    writeJson(response, 200, vendor.whole(answer, ask));
    return undefined;
  }
  return writeEvents(response, vendor.events(answer, ask)).then(() => void response.end());
}

/** In packets whose ends have nothing to do with those of events, lines or letters. */
export async function writeEvents(
  response: ServerResponse,
  events: readonly string[],
): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const bytes = Buffer.from(events.join(""));
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = packetBytes[turn % packetBytes.length] ?? 1;
    response.write(bytes.subarray(at, at + length));
    at += length;
    // A turn of the event loop between them, so that they leave as packets of their own.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const packetBytes = [1, 113, 2, 67, 251, 3, 89, 5, 401, 17];
