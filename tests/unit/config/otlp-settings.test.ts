import { expect, test } from "vitest";

import { ConfigurationError } from "../../../src/config/configuration-error.ts";
import { parseSettings } from "../../../src/config/settings.ts";

const otlp = (environment: Readonly<Record<string, string>>) =>
  parseSettings(environment).settings.otlp;

function problemsOf(environment: Readonly<Record<string, string>>): readonly string[] {
  try {
    parseSettings(environment);
    return [];
  } catch (error) {
    return error instanceof ConfigurationError ? error.problems : [String(error)];
  }
}

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };

test("without an endpoint nothing is exported", () => {
  expect(otlp({})).toMatchObject({ traces: undefined, metrics: undefined });
});

test("an endpoint is for traces and metrics, each at its path; one for a signal is taken as it is", () => {
  expect(otlp(endpoint)).toMatchObject({
    traces: { url: "http://collector:4318/v1/traces", protocol: "http/protobuf" },
    metrics: { url: "http://collector:4318/v1/metrics" },
  });
  const below = { OTEL_EXPORTER_OTLP_ENDPOINT: "https://otlp.example.com/otlp/" };
  expect(otlp(below).traces?.url).toBe("https://otlp.example.com/otlp/v1/traces");
  const own = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://traces:4318/in" };
  expect(otlp(own)).toMatchObject({
    traces: { url: "http://traces:4318/in" },
    metrics: undefined,
  });
});

test.each([
  [{ OTEL_SDK_DISABLED: "true" }, undefined, undefined],
  [{ OTEL_TRACES_EXPORTER: "none" }, undefined, {}],
  [{ OTEL_METRICS_EXPORTER: "none" }, {}, undefined],
] as const)("%o switches off what it says", (more, traces, metrics) => {
  const settings = otlp({ ...endpoint, ...more });
  expect([settings.traces !== undefined, settings.metrics !== undefined]).toEqual([
    traces !== undefined,
    metrics !== undefined,
  ]);
});

test("headers and attributes are pairs, decoded; the service has a name", () => {
  const settings = otlp({
    ...endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: "x-api-key=a%2Cb, authorization=Basic%20eA==",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=production,service.name=mine",
  });
  expect(settings.traces?.headers).toEqual({ "x-api-key": "a,b", authorization: "Basic eA==" });
  expect(settings.attributes).toEqual({
    "deployment.environment.name": "production",
    "service.name": "mine",
  });
  expect(otlp({}).attributes).toEqual({ "service.name": "sentinel" });
  const named = { OTEL_SERVICE_NAME: "ours", OTEL_RESOURCE_ATTRIBUTES: "service.name=mine" };
  expect(otlp(named).attributes).toEqual({ "service.name": "ours" });
});

test("gRPC is refused with what to do, where it would be used", () => {
  const grpc = { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" };
  expect(problemsOf({ ...endpoint, ...grpc })).toEqual([expect.stringContaining("4318")]);
  expect(problemsOf(grpc)).toEqual([]);
  for (const disabled of ["TRUE", "1"]) {
    expect(problemsOf({ ...endpoint, ...grpc, OTEL_SDK_DISABLED: disabled })).toEqual([]);
  }
});

test.each([
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:hunter2@collector:4318"],
  ["OTEL_EXPORTER_OTLP_HEADERS", "hunter2"],
  ["OTEL_EXPORTER_OTLP_HEADERS", "x-key=hunter2%0a"],
  ["OTEL_EXPORTER_OTLP_PROTOCOL", "http"],
  ["OTEL_TRACES_SAMPLER", "sometimes"],
  ["OTEL_TRACES_SAMPLER_ARG", "1.5"],
  ["OTEL_TRACES_EXPORTER", "console"],
  ["OTEL_RESOURCE_ATTRIBUTES", "a"],
])("%s=%s is refused, and no secret is shown", (name, value) => {
  const problems = problemsOf({ [name]: value });
  expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name} must be `))]);
  expect(problems.join()).not.toContain("hunter2");
});
