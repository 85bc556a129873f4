import { z } from "zod";

import { flag } from "./variable-types.ts";

/**
 * OpenTelemetry's own variables, as far as Sentinel reads them: each message is the rest of a sentence that begins with
 * the name. (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and
 * .../specs/otel/protocol/exporter/, read 2026-11-21)
 */
export const otlpEndpoint = () =>
  z
    .string()
    .refine(
      isPlainUrl,
      "must be an http or https URL without user name, password and query; credentials go into OTEL_EXPORTER_OTLP_HEADERS",
    );

function isPlainUrl(text: string): boolean {
  const url = /^https?:\/\/[^/]/i.test(text) ? URL.parse(text) : null;
  return url !== null && url.username + url.password + url.search + url.hash === "";
}

/** `key=value,key2=value2`, values percent-encoded where they need it. Pairs are few: a process has no more to say. */
export const keyValues = () =>
  z
    .string()
    .refine(
      (text) => pairsIn(text) !== undefined,
      "must be written as key=value,key2=value2, with %2C for a comma in a value",
    )
    .transform((text) => Object.fromEntries(pairsIn(text) ?? []));

function pairsIn(text: string): readonly (readonly [string, string])[] | undefined {
  const pairs: (readonly [string, string])[] = [];
  for (const part of text.split(",").filter((each) => each.trim() !== "")) {
    const [, key = "", value = ""] = /^\s*([!#$%&'*+.^_`|~\w-]{1,128})\s*=(.*)$/s.exec(part) ?? [];
    const decoded = decode(value.trim());
    if (key === "" || decoded === undefined) return undefined;
    pairs.push([key, decoded]);
  }
  return pairs;
}

function decode(text: string): string | undefined {
  try {
    const decoded = decodeURIComponent(text);
    return /^[\x20-\x7e\x80-\u{10ffff}]*$/u.test(decoded) ? decoded : undefined;
  } catch {
    return undefined; // A % that is none: the message says how values are written.
  }
}

export const ratio = () =>
  z
    .string()
    .refine(
      (text) => /^(?:\d{1,9}(?:\.\d{0,15})?|\.\d{1,15})$/.test(text) && Number(text) <= 1,
      "must be a number from 0 to 1",
    )
    .transform(Number);

export const serviceName = () =>
  z.string().regex(/^[^\x00-\x1f\x7f]{1,128}$/, "must be a name of at most 128 characters");

export const samplers = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

export const protocols = ["http/protobuf", "http/json", "grpc"] as const;
export const exporters = ["otlp", "none"] as const;

interface OtlpValues {
  readonly OTEL_SDK_DISABLED: boolean;
  readonly OTEL_SERVICE_NAME?: string | undefined;
  readonly OTEL_RESOURCE_ATTRIBUTES: Readonly<Record<string, string>>;
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_METRICS_ENDPOINT?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_HEADERS: Readonly<Record<string, string>>;
  readonly OTEL_EXPORTER_OTLP_PROTOCOL: (typeof protocols)[number];
  readonly OTEL_EXPORTER_OTLP_TIMEOUT: number;
  readonly OTEL_TRACES_EXPORTER: (typeof exporters)[number];
  readonly OTEL_METRICS_EXPORTER: (typeof exporters)[number];
  readonly OTEL_TRACES_SAMPLER: (typeof samplers)[number];
  readonly OTEL_TRACES_SAMPLER_ARG: number;
  readonly OTEL_BSP_SCHEDULE_DELAY: number;
  readonly OTEL_METRIC_EXPORT_INTERVAL: number;
}

/** Where traces and metrics go. Undefined targets: nothing is exported, and nothing of OpenTelemetry's is loaded. */
export function otlpSettings(values: OtlpValues) {
  const shared = {
    // `grpc` is refused where it would be used.
    protocol: values.OTEL_EXPORTER_OTLP_PROTOCOL === "http/json" ? "http/json" : "http/protobuf",
    headers: values.OTEL_EXPORTER_OTLP_HEADERS,
    timeoutMs: values.OTEL_EXPORTER_OTLP_TIMEOUT,
  } as const;
  const target = (exporter: string, own: string | undefined, path: string) => {
    const base = values.OTEL_EXPORTER_OTLP_ENDPOINT;
    const url = own ?? (base && `${base.replace(/\/+$/, "")}/${path}`);
    const isOff = values.OTEL_SDK_DISABLED || exporter === "none" || url === undefined;
    return isOff ? undefined : { url, ...shared };
  };
  const { OTEL_RESOURCE_ATTRIBUTES: attributes } = values;
  return {
    traces: target(
      values.OTEL_TRACES_EXPORTER,
      values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
      "v1/traces",
    ),
    metrics: target(
      values.OTEL_METRICS_EXPORTER,
      values.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT,
      "v1/metrics",
    ),
    /** Spans wait at most so long for others to go with. */
    gatherMs: values.OTEL_BSP_SCHEDULE_DELAY,
    metricIntervalMs: values.OTEL_METRIC_EXPORT_INTERVAL,
    sampler: { name: values.OTEL_TRACES_SAMPLER, ratio: values.OTEL_TRACES_SAMPLER_ARG },
    /** Of the process: `service.name` first of all. */
    attributes: {
      ...attributes,
      "service.name": values.OTEL_SERVICE_NAME ?? attributes["service.name"] ?? "sentinel",
    },
  } as const;
}

/** What is right by itself and of no use here. */
export function otlpClashes(values: Readonly<Record<string, string>>): string[] {
  const isUsed =
    flag().safeParse(values["OTEL_SDK_DISABLED"]).data !== true &&
    Object.keys(values).some((name) => name.endsWith("_ENDPOINT") && name.startsWith("OTEL_"));
  if (!isUsed || values["OTEL_EXPORTER_OTLP_PROTOCOL"] !== "grpc") return [];
  return [
    "OTEL_EXPORTER_OTLP_PROTOCOL is grpc, which Sentinel does not speak. Set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf and let the endpoint be the collector's port for HTTP, which is 4318 where nothing else is said.",
  ];
}
