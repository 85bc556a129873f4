import type { Clock } from "../../lib/clock.ts";
import type { EventBatch } from "../../providers/provider.ts";
import type { ExactCache } from "./cache-store.ts";
import type { Recorded } from "./recording.ts";
import type { SemanticTier } from "./semantic-tier.ts";
import type { FlightHead } from "./shared-call.ts";
import type { SingleFlight } from "./single-flight.ts";

/** All that one process has of the cache. */
export interface AnswerCache {
  readonly exact: ExactCache;
  /** Undefined where no embedder was configured. */
  readonly semantic: SemanticTier | undefined;
  /** Identical requests that run at the same time make one call. */
  readonly calls: SingleFlight<FlightHead, EventBatch>;
  /** Streams that are being taken down, to be kept. */
  readonly recorded: Recorded;
  readonly clock: Clock;
  /** Told of our own faults: they cost a hit, and never a request. */
  readonly onError: (error: unknown) => void;
}
