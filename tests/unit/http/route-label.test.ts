import { expect, test } from "vitest";

import { routeLabelOf } from "../../../src/http/route-label.ts";

const get = (path: string) => routeLabelOf({ method: "GET", path });

test("every path has one of a few names, whatever clients ask for", () => {
  const labels = [
    "/v1/chat/completions",
    "/v1/chat",
    "/v1/messages/count_tokens",
    "/v1/models/openai/gpt-4o",
    "/v1/audit/01ABC",
    "/admin/v1/tenants/acme",
    "/v1/nothing",
    "/wp-login.php",
    "/",
    "",
  ].map(get);
  expect(labels).toEqual([
    "chat",
    "chat",
    "count_tokens",
    "models",
    "audit",
    "admin",
    "other",
    "other",
    "other",
    "other",
  ]);
});

test("probes are not counted", () => {
  const probes = ["/health", "/health/live", "/metrics", "/metrics/prometheus"];
  expect(probes.map(get)).toEqual([undefined, undefined, undefined, undefined]);
});

test("a browser's preflight is no call of the model that it asks about", () => {
  const preflights = ["/v1/chat/completions", "/v1/models", "/health"];
  const labels = preflights.map((path) => routeLabelOf({ method: "OPTIONS", path }));
  expect(labels).toEqual(["other", "other", undefined]);
});
