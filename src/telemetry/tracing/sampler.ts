/** Which of the traces are exported, in OpenTelemetry's own names (`OTEL_TRACES_SAMPLER`). */
export type SamplerName = `${"" | "parentbased_"}${"always_on" | "always_off" | "traceidratio"}`;

export interface SamplerChoice {
  readonly name: SamplerName;
  /** Of those that are told by ratio; 0 to 1. */
  readonly ratio: number;
}

/** `parent`: whether the client's own span is exported; undefined where the trace begins here. */
export type Sampler = (traceId: string, parent: boolean | undefined) => boolean;

export function samplerOf({ name, ratio }: SamplerChoice): Sampler {
  switch (name) {
    case "always_on":
      return () => true;
    case "always_off":
      return () => false;
    case "traceidratio":
      return (traceId) => isBelow(traceId, ratio);
    case "parentbased_always_on":
      return (_traceId, parent) => parent ?? true;
    case "parentbased_always_off":
      return (_traceId, parent) => parent ?? false;
    case "parentbased_traceidratio":
      return (traceId, parent) => parent ?? isBelow(traceId, ratio);
  }
}

/**
 * The same trace is decided about the same way everywhere: by the number that the second half of its id begins with, as the
 * SDKs for Go and Python do. As many bits of it as a number holds exactly.
 */
function isBelow(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(16, 29), 16) < ratio * 2 ** 52;
}
