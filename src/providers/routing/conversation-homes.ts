import { Lru } from "../../lib/lru.ts";

/**
 * Where conversations are that their hash alone does not place. Holds hashes only. It outlasts a reload of the
 * configuration; the model's name is in the hash, so that all routes can share it.
 */
export type ConversationHomes = Lru<string, string>;

/** At the bound the conversation that was silent for longest is placed anew: about 200 bytes each. */
const homesMax = 20_000;

export const newConversationHomes = (): ConversationHomes => new Lru(homesMax);
