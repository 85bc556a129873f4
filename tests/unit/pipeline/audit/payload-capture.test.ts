import { hash } from "node:crypto";

import fc from "fast-check";
import { expect, test } from "vitest";

import { fromObject } from "../../../../src/lib/json-text.ts";
import type { JsonText } from "../../../../src/lib/json-text.ts";
import { capturePayload } from "../../../../src/pipeline/audit/payload-capture.ts";
import { DeliveredText } from "../../../../src/pipeline/cost/delivered-text.ts";
import { makeEvent } from "../../../../src/protocol/sse.ts";
import type { Caller } from "../../../../src/tenants/tenant.ts";

const caller: Caller = { tenantId: "acme", keyId: "k1", role: "inference", policies: [] };
const exchange = (request: JsonText, answerBytes?: Buffer) => ({
  id: "01",
  caller,
  request,
  ...(answerBytes === undefined ? {} : { answerBytes }),
});
const asText = (text: string): JsonText => ({ text, value: {}, fields: [] });

test("keeps request and answer as they were, with their hashes and sizes", () => {
  const request = fromObject({ messages: [{ role: "user", content: "Grüße" }] });
  const answer = '{"choices":[]}';
  const { record, entry } = capturePayload(exchange(request, Buffer.from(answer)), 65_536);
  expect(record).toEqual({ id: "01", tenant: "acme", prompt: request.text, answer, cut: false });
  expect(entry).toEqual({
    prompt_sha256: hash("sha256", request.text),
    answer_sha256: hash("sha256", answer),
    prompt_bytes: Buffer.byteLength(request.text),
    answer_bytes: answer.length,
    cut: false,
  });
});

test("cuts between characters, to as many bytes as fit, and hashes what it keeps", () => {
  const text = fc
    .array(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("é", "東", "😀", "\ud83d", "a")))
    .map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(text, text, fc.nat(40), (prompt, answer, bytesMax) => {
      const { record, entry } = capturePayload(
        exchange(asText(prompt), Buffer.from(answer)),
        bytesMax,
      );
      for (const [kept, whole, size, sha256] of [
        [record.prompt, prompt, entry.prompt_bytes, entry.prompt_sha256],
        [record.answer, answer, entry.answer_bytes, entry.answer_sha256],
      ] as const) {
        expect(Buffer.byteLength(kept)).toBe(size);
        expect(size).toBeLessThanOrEqual(bytesMax);
        expect(sha256).toBe(hash("sha256", kept));
        const wellFormed = whole.toWellFormed();
        expect(wellFormed.startsWith(kept)).toBe(true);
        const next = wellFormed.codePointAt(kept.length);
        if (next === undefined) continue;
        const nextBytes = Buffer.byteLength(String.fromCodePoint(next));
        expect(size + nextBytes).toBeGreaterThan(bytesMax);
      }
      const isCut = Buffer.byteLength(prompt) > bytesMax || Buffer.byteLength(answer) > bytesMax;
      expect(entry.cut).toBe(isCut);
      expect(record.cut).toBe(isCut);
    }),
    { numRuns: 1_000 },
  );
});

test("of a stream the text is kept, and one too long for that is marked as cut", () => {
  const event = (content: string) =>
    makeEvent(`{"choices":[{"delta":{"content":${JSON.stringify(content)}}}]}`);
  const delivered = new DeliveredText("chat");
  delivered.add([event("Hello,\n"), event("world")]);
  const whole = capturePayload({ ...exchange(asText("{}")), delivered }, 1_000);
  expect(whole.record).toMatchObject({ answer: "Hello,\nworld", cut: false });
  delivered.add([event("x".repeat(100_000))]);
  const cut = capturePayload({ ...exchange(asText("{}")), delivered }, 1_000_000);
  expect(cut.record.cut).toBe(true);
});

test("a request that was never answered has an empty answer", () => {
  expect(capturePayload(exchange(asText("{}")), 10).record).toMatchObject({
    prompt: "{}",
    answer: "",
    cut: false,
  });
});

test("redacts before it cuts, so that no half of a secret stays", () => {
  const redact = (text: string): string => text.replaceAll("sk-secret", "[key]");
  const { record, entry } = capturePayload(exchange(asText("my sk-secret!")), 8, redact);
  expect(record.prompt).toBe("my [key]");
  expect(entry).toMatchObject({ prompt_bytes: 8, cut: true });
});
