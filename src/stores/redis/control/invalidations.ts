import { z } from "zod";

import type { RedisCommands } from "./commands.ts";
import { tag } from "./keys.ts";

/** What changed in the control plane, so that every replica forgets what it has kept of it. */
export type Invalidation = z.infer<typeof invalidationSchema>;

const invalidationSchema = z.discriminatedUnion("what", [
  /** A key's hash, or its id. */
  z.object({ what: z.literal("key"), id: z.string() }),
  z.object({ what: z.literal("tenant"), id: z.string() }),
  /** Stored providers or prices: the routes are built anew. */
  z.object({ what: z.literal("routes") }),
  /** Evaluators and their calibrations are read anew. */
  z.object({ what: z.literal("judges") }),
]);

const channel = `${tag}:changed`;

/** What the subscriber's connection can do; ioredis' clients and clusters can. */
export interface Subscriber {
  subscribe(channel: string): Promise<unknown>;
  on(event: "message", listener: (channel: string, message: string) => void): unknown;
  on(event: "ready", listener: () => void): unknown;
}

export interface InvalidationsOptions {
  readonly commands: RedisCommands;
  readonly subscriber: Subscriber;
  /** Changes of other replicas, and of this one. */
  readonly onInvalidation: (invalidation: Invalidation) => void;
  /** The connection was away: changes may have been missed. */
  readonly onMissed: () => void;
  readonly onError: (error: unknown) => void;
}

/**
 * Tells every replica of changes. What a lost message leaves behind is bounded by the caches' 30 seconds, and
 * everything is forgotten whenever the connection comes back.
 */
export async function openInvalidations(
  options: InvalidationsOptions,
): Promise<(invalidation: Invalidation) => void> {
  const { commands, subscriber, onError } = options;
  subscriber.on("message", (_channel, message) => {
    const parsed = invalidationSchema.safeParse(parse(message));
    if (parsed.success) options.onInvalidation(parsed.data);
    else options.onMissed(); // A newer version's word: what it is about is not known here.
  });
  await subscriber.subscribe(channel).catch(onError);
  // The client subscribes again by itself; what was published in between is lost.
  subscriber.on("ready", options.onMissed);
  return (invalidation) => {
    commands.call("PUBLISH", channel, JSON.stringify(invalidation)).catch(onError);
  };
}

function parse(message: string): unknown {
  try {
    return JSON.parse(message);
  } catch {
    return undefined; // Not ours; taken for something that was missed.
  }
}
