import { expect } from "vitest";

import { readStream } from "../../support/stream-client.ts";
import { user } from "../ask.ts";
import { plainUsage } from "../cell.ts";
import type { Cell, Feature } from "../cell.ts";
import { writeEvents, writeJson } from "../stage.ts";
import { failureOf, statusOf } from "../sdk-failures.ts";

const text = "Grüße aus 東京, wo es eben ".repeat(4);
const answer = { text, finish: "stop", usage: plainUsage } as const;
const error = { status: 503, message: "The model is overloaded. Überlast." };
const turns = [user("Hi")];

/** What goes wrong after a good status is an error all the same, and never the end of an answer. */
export const inStreamError: Feature = {
  name: "in-stream error",
  test: async (cell) => {
    if (cell.mode === "whole") {
      await saysItInTheBody(cell);
      await cutsTheBody(cell);
      return "ok";
    }
    await saysItInTheStream(cell);
    await cutsTheStream(cell);
    return "ok";
  },
};

async function saysItInTheBody({ stage, vendor, ask }: Cell): Promise<void> {
  stage.play((response) => {
    writeJson(response, 200, vendor.errorBody(error));
  });
  const failure = await failureOf(ask({ turns }));
  expect(statusOf(failure)).toBeGreaterThanOrEqual(500);
  expect(String(failure)).toContain(error.message);
}

async function cutsTheBody({ stage, vendor, ask }: Cell): Promise<void> {
  stage.play((response, seen) => {
    const body = JSON.stringify(vendor.whole(answer, seen));
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    });
    response.write(body.slice(0, 100), () => response.destroy());
  });
  expect(statusOf(await failureOf(ask({ turns })))).toBeGreaterThanOrEqual(500);
}

async function saysItInTheStream(cell: Cell): Promise<void> {
  const { stage, vendor, ask } = cell;
  stage.play(async (response, seen) => {
    const events = vendor.events(answer, seen);
    await writeEvents(response, [...events.slice(0, 8), vendor.errorEvent(error)]);
    response.end();
  });
  let sofar = "";
  const failure = await failureOf(
    ask({ turns }, (said) => {
      sofar = said;
    }),
  );
  statusOf(failure);
  expect(String(failure)).toContain(error.message);
  expectBeginning(sofar);
  await expectNoEnd(cell);
}

async function cutsTheStream(cell: Cell): Promise<void> {
  const { stage, vendor, ask } = cell;
  stage.play(async (response, seen) => {
    const events = vendor.events(answer, seen);
    await writeEvents(response, [...events.slice(0, 8), (events[8] ?? "").slice(0, 30)]);
    response.destroy();
  });
  let sofar = "";
  const failure = await failureOf(
    ask({ turns }, (said) => {
      sofar = said;
    }),
  );
  expect(failure).toBeInstanceOf(Error);
  expectBeginning(sofar);
  await expectNoEnd(cell);
}

function expectBeginning(sofar: string): void {
  expect(sofar).not.toBe("");
  expect(text.startsWith(sofar), sofar).toBe(true);
}

/** The bytes of the stream: an error event, nothing that looks like an end, and a cut connection. */
async function expectNoEnd({ stage, vendor, clientName }: Cell): Promise<void> {
  const model = `${vendor.name}/${vendor.usualModel}`;
  const path = clientName === "openai" ? "/v1/chat/completions" : "/v1/messages";
  const messages = [{ role: "user", content: "Hi" }];
  const response = await stage.gateway.post(path, {
    model,
    messages,
    max_tokens: 99,
    stream: true,
  });
  const client = readStream(response);
  expect(await client.toEnd()).toBe("cut");
  expect(client.text).not.toMatch(/\[DONE\]|message_stop|"finish_reason":"|"stop_reason":"/);
  const last = JSON.parse(client.data.at(-1) ?? "") as { error?: unknown };
  expect(last.error).toMatchObject({ message: expect.any(String) as unknown });
  if (clientName === "anthropic") {
    expect(client.text).toContain("event: error\n");
    expect(last).toMatchObject({ type: "error" });
  }
}
