/** What was asked before and lies near to what is asked now. */
export interface Neighbour {
  readonly entryId: string;
  /** Which answer it has. Entries that were found to have the same answer name the same one. */
  readonly answerId: string;
  /** Cosine of the two vectors; 1 where only the normal form is compared. */
  readonly similarity: number;
  /** What it was found by: the same normal form, its vector, or both. */
  readonly by: "form" | "vector" | "both";
  /** How often a check found that its answer was right for what was asked, and how often that it was not. */
  readonly confirmations: number;
  readonly refutations: number;
}

/**
 * Where hits are observed and allowed apart from one another. CN: the same normal form. CS: a score over all that
 * the neighbours show. (Channels by agreement and confirmations, each with a bare similarity, gave half as many
 * hits as one score in which both are features.)
 */
export type Channel = (typeof channelNames)[number];
export const channelNames = ["CN", "CS"] as const;

/** The answer that would be served. */
export interface Candidate {
  /** The channels that a label of it belongs to, the one to ask first before the other. */
  readonly channels: readonly Channel[];
  readonly answerId: string;
  /** Its entries that the guards compare with what is asked, nearest first: at least one, `guardedMax` at most. */
  readonly entryIds: readonly [string, ...string[]];
  /** The greatest similarity of any neighbour, whether it has this answer or not. */
  readonly nearest: number;
  readonly features: Features;
}

/** What the score is made of, in the order of `featureNames`, each about -3 to 3. */
export type Features = readonly number[];

export const featureNames = [
  "one",
  "similarity",
  "margin",
  "vote",
  "agreement",
  "confirmations",
  "reliability",
  "unopposed",
] as const;

/** How many neighbours are looked at. Ten showed better than five which answers are near as well. */
export const neighboursMax = 10;

/**
 * Checks found all entries of an answer to be the same question, so what one of them says in the words of what is asked
 * is enough for the guards. Three gave 2 to 3 points more hits than the nearest alone, ten hardly more.
 */
const guardedMax = 3;

/** How fast a vote loses weight with distance: to half in 0.035 of similarity. */
const voteSteepness = 20;

/** Which answer the neighbours (nearest first) speak for, and how clearly. Undefined where there are none. */
export function candidateOf(neighbours: readonly Neighbour[]): Candidate | undefined {
  const nearest = neighbours[0];
  if (nearest === undefined) return undefined;
  const same = neighbours.find(({ by }) => by !== "vector");
  const votes = countVotes(neighbours, nearest.similarity);
  const chosen = same === undefined ? mostVoted(votes) : votes.get(same.answerId);
  if (chosen === undefined) return undefined;
  return {
    channels: channelsOf(same),
    answerId: chosen.best.answerId,
    entryIds: guardedEntries(same ?? chosen.best, neighbours),
    nearest: nearest.similarity,
    features: featuresOf(chosen, votes, neighbours),
  };
}

function guardedEntries(
  first: Neighbour,
  neighbours: readonly Neighbour[],
): readonly [string, ...string[]] {
  const ids: [string, ...string[]] = [first.entryId];
  for (const neighbour of neighbours) {
    if (ids.length === guardedMax) break;
    if (neighbour !== first && neighbour.answerId === first.answerId) ids.push(neighbour.entryId);
  }
  return ids;
}

function channelsOf(same: Neighbour | undefined): readonly Channel[] {
  if (same === undefined) return ["CS"];
  return same.by === "both" ? ["CN", "CS"] : ["CN"];
}

interface Votes {
  /** The nearest of those that have this answer. */
  readonly best: Neighbour;
  weight: number;
  count: number;
}

function countVotes(neighbours: readonly Neighbour[], nearest: number): ReadonlyMap<string, Votes> {
  const votes = new Map<string, Votes>();
  for (const neighbour of neighbours) {
    const weight = Math.exp(voteSteepness * (neighbour.similarity - nearest));
    const known = votes.get(neighbour.answerId);
    if (known === undefined) {
      votes.set(neighbour.answerId, { best: neighbour, weight, count: 1 });
      continue;
    }
    known.weight += weight;
    known.count++;
  }
  return votes;
}

function mostVoted(votes: ReadonlyMap<string, Votes>): Votes | undefined {
  let most: Votes | undefined;
  for (const one of votes.values()) if (most === undefined || one.weight > most.weight) most = one;
  return most;
}

const marginMax = 0.3;
/** An answer that is not among the neighbours is farther than the last of them, by at least this. */
const marginBeyondLast = 0.05;

function featuresOf(
  chosen: Votes,
  votes: ReadonlyMap<string, Votes>,
  neighbours: readonly Neighbour[],
): Features {
  const { similarity, confirmations, refutations } = chosen.best;
  let weights = 0;
  let otherSimilarity = Number.NEGATIVE_INFINITY;
  for (const one of votes.values()) {
    weights += one.weight;
    if (one !== chosen) otherSimilarity = Math.max(otherSimilarity, one.best.similarity);
  }
  const isUnopposed = votes.size === 1;
  const last = neighbours.at(-1)?.similarity ?? similarity;
  const margin = isUnopposed ? similarity - last + marginBeyondLast : similarity - otherSimilarity;
  return [
    1,
    (similarity - 0.85) * 10,
    Math.max(-marginMax, Math.min(marginMax, margin)) * 10,
    (chosen.weight / weights) * 2 - 1,
    (chosen.count / neighboursMax) * 2 - 1,
    Math.log1p(confirmations) / 2,
    Math.log((confirmations + 1) / (refutations + 1)) / 2,
    isUnopposed ? 1 : 0,
  ];
}
