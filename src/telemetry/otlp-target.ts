/** Where traces or metrics go over OTLP, and as whom. */
export interface OtlpTarget {
  /** With its path: `http://collector:4318/v1/traces`. */
  readonly url: string;
  readonly protocol: "http/protobuf" | "http/json";
  /** May hold the collector's key: never logged. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** What an exporter of OpenTelemetry's is given. Everything else it reads from its own standard variables. */
export const exporterOptions = ({ url, headers, timeoutMs }: OtlpTarget) => ({
  url,
  headers: { ...headers },
  timeoutMillis: timeoutMs,
});

/** Which process it is that tells. */
export interface OtlpIdentity {
  readonly attributes: Readonly<Record<string, string>>;
  readonly version: string;
}

/** What the spans and metrics say that they come from. */
export const scopeName = "sentinel";
