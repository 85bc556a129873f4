import { follows, verifyLink } from "../../src/pipeline/audit/chain.ts";
import { listWriters } from "../../src/stores/disk/journal-files.ts";
import { parseLine } from "../../src/stores/disk/journal-line.ts";
import type { RecordLine } from "../../src/stores/disk/journal-line.ts";
import { readLines } from "../../src/stores/disk/read-lines.ts";
import { modelChainKey } from "./accounting-process.ts";
import type { Accounts } from "./accounting-reference.ts";

/** Every writer's chain, as it lies in the journal: whole and in order; and how many begin where no record is. */
export async function checkJournal(
  dataDir: string,
): Promise<{ readonly problems: readonly string[]; readonly begunAnew: number }> {
  const problems: string[] = [];
  const hashes = new Set<string>();
  const firsts: RecordLine[] = [];
  for (const writer of await listWriters(dataDir)) {
    let before: RecordLine | undefined;
    for await (const { text } of readLines({ dataDir, writer, isEnded: true })) {
      const line = parseLine(writer, text);
      if (line?.kind !== "record") continue;
      const name = `the record ${line.chain.seq} of ${writer}`;
      if (!verifyLink(modelChainKey, line.chain, line.text)) problems.push(`${name} is changed`);
      if (before === undefined) firsts.push(line);
      else if (!follows(line.chain, before.chain)) problems.push(`${name} does not follow`);
      hashes.add(line.chain.hash);
      before = line;
    }
  }
  const begunAnew = firsts.filter(({ chain }) => !hashes.has(chain.prevHash)).length;
  return { problems, begunAnew };
}

/** What a store shows otherwise than the reference has it, a sentence each. */
export function differences(name: string, expected: Accounts, shown: Accounts): string[] {
  const problems: string[] = [];
  const compare = <Value>(
    what: string,
    wanted: ReadonlyMap<string, Value>,
    found: ReadonlyMap<string, Value>,
  ): void => {
    for (const key of new Set([...wanted.keys(), ...found.keys()])) {
      const [left, right] = [shownAs(wanted.get(key)), shownAs(found.get(key))];
      if (left !== right) problems.push(`${name}: ${what} ${key} should be ${left}, is ${right}`);
    }
  };
  compare("request", expected.requests, shown.requests);
  compare("ledger of", expected.ledger, shown.ledger);
  compare("spent of", withoutNothing(expected.spent), withoutNothing(shown.spent));
  const asMap = (ids: ReadonlySet<string>) => new Map([...ids].map((id) => [id, true]));
  compare("amendment", asMap(expected.amendments), asMap(shown.amendments));
  return problems;
}

/** Whether a budget of which nothing is spent stands in a store, or does not, is the same to everyone. */
const withoutNothing = (spent: ReadonlyMap<string, bigint>): ReadonlyMap<string, bigint> =>
  new Map([...spent].filter(([, nanoUsd]) => nanoUsd !== 0n));

const shownAs = (value: unknown): string =>
  typeof value === "bigint"
    ? String(value)
    : value === undefined
      ? "missing"
      : JSON.stringify(value);
