import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { expect, test } from "vitest";

import { admin, makeKey } from "../support/admin-client.ts";
import { startGateway } from "../support/gateway.ts";
import type { TestGateway } from "../support/gateway.ts";
import { impatient, yamlOf } from "../support/one-upstream.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { startScriptedUpstream } from "../support/scripted-upstream.ts";
import type { Script, ScriptedUpstream } from "../support/scripted-upstream.ts";
import { readStream } from "../support/stream-client.ts";

let madeCount = 0;

const event = (type: string, fields: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;

const response = (id: string, status: string): object => ({
  id,
  object: "response",
  created_at: 1,
  model: "m",
  status,
  output: [],
});

/** Makes responses with ids of its own, and knows those that it made. */
function responder(name: string, known = new Set<string>()): Script {
  return async (answer, { json }) => {
    const previous = json?.["previous_response_id"];
    if (typeof previous === "string" && !known.has(previous)) {
      const message = `Previous response with id '${previous}' not found.`;
      const error = {
        message,
        type: "invalid_request_error",
        param: "previous_response_id",
        code: "previous_response_not_found",
      };
      answer.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ error }));
      return;
    }
    madeCount += 1;
    const id = `resp_${name}_${madeCount}`;
    known.add(id);
    if (json?.["stream"] !== true) {
      answer.writeHead(200, { "content-type": "application/json" });
      answer.end(JSON.stringify(response(id, "completed")));
      return;
    }
    answer.writeHead(200, { "content-type": "text/event-stream" });
    answer.write(event("response.created", { response: response(id, "in_progress") }));
    await new Promise((resolve) => setImmediate(resolve));
    if (json["metadata"] !== undefined) return; // A test that leaves in the middle.
    answer.write(event("response.output_text.delta", { delta: "ok" }));
    answer.end(event("response.completed", { response: response(id, "completed") }));
  };
}

interface Plane extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly upstreams: readonly [ScriptedUpstream, ScriptedUpstream];
  readonly yaml: (fields?: {
    targets?: readonly string[];
    providers?: readonly string[];
  }) => string;
  /** Asks for a response; a key of another tenant may be given. */
  readonly ask: (
    fields?: object,
    headers?: Record<string, string>,
  ) => Promise<{ status: number; body: Record<string, unknown>; headers: Headers }>;
  readonly makeTenant: () => Promise<Record<string, string>>;
}

/** Two providers with two keys each, behind one alias that goes to either. */
async function startPlane(
  scripts: readonly [Script, Script] = [responder("one"), responder("two")],
  env: Readonly<Record<string, string>> = {},
): Promise<Plane> {
  await using opening = new AsyncDisposableStack();
  const upstreams = [
    opening.use(await startScriptedUpstream(scripts[0])),
    opening.use(await startScriptedUpstream(scripts[1])),
  ] as const;
  const yaml: Plane["yaml"] = ({ targets = ["one", "two"], providers = ["one", "two"] } = {}) => {
    const all = upstreams.map(({ baseUrl }, index) => {
      const name = index === 0 ? "one" : "two";
      const api_keys = [`sk-${name}-a`, `sk-${name}-b`, `sk-${name}-c`];
      return [name, { type: "openai", base_url: baseUrl, models: ["m"], api_keys }] as const;
    });
    return yamlOf({
      providers: Object.fromEntries(all.filter(([name]) => providers.includes(name))),
      models: {
        fast: {
          strategy: "weighted",
          retries: 0,
          targets: targets.map((provider) => ({ provider, model: "m" })),
        },
      },
    });
  };
  const gateway = await startGateway({ env: { ...impatient, ...env }, yaml: yaml() });
  opening.defer(() => gateway.close());
  const resources = opening.move();
  return {
    gateway,
    upstreams,
    yaml,
    ask: async (fields = {}, headers = {}) => {
      const body = { model: "fast", input: "Hi", ...fields };
      const answer = await gateway.post("/v1/responses", body, headers);
      return {
        status: answer.status,
        headers: answer.headers,
        body: (await answer.json()) as Record<string, unknown>,
      };
    },
    makeTenant: async () => {
      const tenant = await admin(gateway, "POST /tenants", { name: "Other" });
      const { key } = await makeKey(gateway, { tenant: tenant["id"] });
      return { authorization: `Bearer ${key}` };
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

const placesOf = ({ upstreams }: Plane): string[] =>
  upstreams.flatMap(({ seen }) => seen.map(({ headers }) => String(headers.authorization)));

test("each turn of a stored conversation goes to the target and key that made the last", async () => {
  await using plane = await startPlane();
  for (let talk = 0; talk < 6; talk++) {
    for (const upstream of plane.upstreams) upstream.forget();
    let previous = String((await plane.ask()).body["id"]);
    for (let turn = 0; turn < 3; turn++) {
      const next = await plane.ask({ previous_response_id: previous });
      expect(next.status).toBe(200);
      previous = String(next.body["id"]);
    }
    expect(new Set(placesOf(plane)).size).toBe(1);
  }
});

test("while the key that made a response is at its limit the client is told so, and no other key is asked", async () => {
  const limited = new Set<unknown>();
  const make = responder("one");
  await using plane = await startPlane([
    (answer, request, socket) => {
      if (!limited.has(request.headers.authorization)) return make(answer, request, socket);
      answer.writeHead(429, { "content-type": "application/json", "retry-after": "20" });
      answer.end(JSON.stringify({ error: { message: "Slow down", code: "rate_limit_exceeded" } }));
    },
    responder("two"),
  ]);
  const pinned = { "x-sentinel-provider": "one" };
  const id = String((await plane.ask({}, pinned)).body["id"]);
  const [made] = placesOf(plane);
  limited.add(made);
  for (let round = 0; round < 2; round++) {
    const refused = await plane.ask({ previous_response_id: id });
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("20");
  }
  expect(new Set(placesOf(plane))).toEqual(new Set([made]));
  expect((await plane.ask({}, pinned)).status).toBe(200);
});

test("a response that another tenant made is not found, in OpenAI's words", async () => {
  await using plane = await startPlane();
  const other = await plane.makeTenant();
  const id = String((await plane.ask()).body["id"]);
  for (const upstream of plane.upstreams) upstream.forget();
  const refused = await plane.ask({ previous_response_id: id }, other);
  expect(refused).toMatchObject({
    status: 404,
    body: {
      error: {
        message: `Previous response with id '${id}' not found.`,
        type: "invalid_request_error",
        param: "previous_response_id",
        code: "previous_response_not_found",
      },
    },
  });
  expect(placesOf(plane)).toEqual([]);
  expect((await plane.ask({ previous_response_id: id })).status).toBe(200);
});

test("an unknown response is the provider's to judge", async () => {
  await using plane = await startPlane();
  const answer = await plane.ask({ previous_response_id: "resp_of_nobody" });
  expect(answer).toMatchObject({
    status: 400,
    body: { error: { code: "previous_response_not_found" } },
  });
  expect(placesOf(plane).length).toBe(1);
});

test("a stream's response is bound from its first event, even if the client then leaves", async () => {
  await using plane = await startPlane();
  const other = await plane.makeTenant();
  const body = { model: "fast", input: "Hi", stream: true, metadata: { stop: "early" } };
  const client = readStream(await plane.gateway.post("/v1/responses", body));
  await client.untilText("response.created");
  await client.cancel();
  const id = /"id":"(resp_[^"]+)"/.exec(client.text)?.[1];
  expect(id).toBeDefined();
  expect((await plane.ask({ previous_response_id: id }, other)).status).toBe(404);
  expect((await plane.ask({ previous_response_id: id })).status).toBe(200);
  expect(new Set(placesOf(plane)).size).toBe(1);
});

test("a whole stream's response is bound, and the stream is what the provider sent", async () => {
  await using plane = await startPlane();
  const body = { model: "fast", input: "Hi", stream: true };
  const client = readStream(await plane.gateway.post("/v1/responses", body));
  expect(await client.toEnd()).toBe("whole");
  expect(client.text).not.toContain("[DONE]");
  const [created] = client.data.map((data) => JSON.parse(data) as { response: { id: string } });
  const next = await plane.ask({ previous_response_id: created?.response.id });
  expect(next.status).toBe(200);
  expect(new Set(placesOf(plane)).size).toBe(1);
});

test("bindings are there for the process after it as well", async () => {
  await using folder = await tempFolder();
  const env = { ...impatient, SENTINEL_DATA_DIR: folder.path };
  await using plane = await startPlane(undefined, env);
  const other = await plane.makeTenant();
  const made: string[] = [];
  for (let count = 0; count < 6; count++) made.push(String((await plane.ask()).body["id"]));
  const places = plane.upstreams.map(({ seen }) => seen.length);

  await plane.gateway.close();
  await using second = await startGateway({ env, yaml: plane.yaml() });
  const goOn = async (id: string | undefined, headers = {}): Promise<Response> =>
    second.post("/v1/responses", { model: "fast", input: "Hi", previous_response_id: id }, headers);
  for (const upstream of plane.upstreams) upstream.forget();
  for (const id of made) {
    expect((await goOn(id, other)).status).toBe(404);
    expect((await goOn(id)).status).toBe(200);
  }
  expect(plane.upstreams.map(({ seen }) => seen.length)).toEqual(places);
});

test("while the store is down only what is not in memory waits for it", async () => {
  await using plane = await startPlane();
  const id = (await plane.ask()).body["id"];
  const database = new DatabaseSync(join(plane.gateway.dataDir, "meta.db"), { timeout: 5_000 });
  database.exec("DROP TABLE response_owners");
  database.close();

  const unknown = await plane.ask({ previous_response_id: "resp_of_yesterday" });
  expect(unknown).toMatchObject({
    status: 503,
    body: { error: { code: "store_unavailable", param: "previous_response_id" } },
  });
  expect(unknown.headers.get("retry-after")).toBe("1");
  const known = await plane.ask({ previous_response_id: id });
  expect(known.status).toBe(200);
  expect(known.headers.get("x-sentinel-degraded")).toBe("stored_responses");
  expect((await plane.ask()).status).toBe(200);
});

test("what is not stored is not bound", async () => {
  await using plane = await startPlane();
  const other = await plane.makeTenant();
  const id = String((await plane.ask({ store: false })).body["id"]);
  // Nobody can go on from it; the provider says so.
  for (const upstream of plane.upstreams) upstream.answer(responder("fresh"));
  expect((await plane.ask({ previous_response_id: id }, other)).status).toBe(400);
});

test("a pin that contradicts the binding is refused, and one that agrees is not", async () => {
  await using plane = await startPlane();
  const made = await plane.ask();
  const maker = String(made.headers.get("x-sentinel-provider"));
  const wrong = maker === "one" ? "two" : "one";
  const fields = { previous_response_id: made.body["id"] };
  const agreed = await plane.ask(fields, { "x-sentinel-provider": maker });
  expect(agreed.status).toBe(200);
  const refused = await plane.ask(fields, { "x-sentinel-provider": wrong });
  expect(refused).toMatchObject({ status: 400, body: { error: { param: "x-sentinel-provider" } } });
});

test("where the maker no longer serves the model, whoever does is asked", async () => {
  await using plane = await startPlane();
  const made = await plane.ask();
  const maker = String(made.headers.get("x-sentinel-provider"));
  const other = maker === "one" ? "two" : "one";
  for (const fields of [{ targets: [other] }, { targets: [other], providers: [other] }]) {
    await plane.gateway.reload(plane.yaml(fields));
    const next = await plane.ask({ previous_response_id: made.body["id"] });
    expect(next.headers.get("x-sentinel-provider")).toBe(other);
    expect(next.body).toMatchObject({ error: { code: "previous_response_not_found" } });
  }
});

test("the header pins a provider, is checked, and never goes upstream", async () => {
  await using plane = await startPlane();
  for (const name of ["one", " two ", "one", "two"]) {
    const pinned = await plane.ask({}, { "x-sentinel-provider": name });
    expect(pinned.headers.get("x-sentinel-provider")).toBe(name.trim());
  }
  for (const { seen } of plane.upstreams) {
    expect(seen.length).toBe(2);
    for (const { headers } of seen) expect(headers).not.toHaveProperty("x-sentinel-provider");
  }
  for (const name of ["", "nobody", "one, two", "a/b", "x".repeat(129)]) {
    const refused = await plane.ask({}, { "x-sentinel-provider": name });
    expect(refused, name).toMatchObject({
      status: 400,
      body: { error: { param: "x-sentinel-provider", code: "invalid_value" } },
    });
  }
});
