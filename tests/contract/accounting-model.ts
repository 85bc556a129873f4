import { setImmediate as turn } from "node:timers/promises";

import { ulid } from "ulid";

import type { AuditEntry } from "../../src/pipeline/audit/entry.ts";
import { usdText } from "../../src/lib/usd.ts";
import type { StartRecord } from "../../src/pipeline/journal.ts";
import { startText } from "../../src/stores/disk/journal-line.ts";
import type { JournalSink } from "../../src/stores/disk/journal-sink.ts";
import {
  aCacheEntry,
  aHit,
  anAmendment,
  anEntry,
  anOldCacheEntry,
} from "../support/audit-builders.ts";
import { cutPower, leaveTornTail } from "../support/crash-image.ts";
import { faultySink } from "../support/faulty-sink.ts";
import type { FaultChances } from "../support/faulty-sink.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { verifyLink } from "../../src/pipeline/audit/chain.ts";
import { checkJournal, differences } from "./accounting-checks.ts";
import { modelChainKey, startModelProcess } from "./accounting-process.ts";
import type { ModelProcess } from "./accounting-process.ts";
import { AccountingReference, startedAtOf } from "./accounting-reference.ts";
import { modelTenants } from "./accounting-stores.ts";
import type { ModelStore } from "./accounting-stores.ts";

export interface ModelRun {
  /** The same seed does the same; only the order in which the system answers may differ. */
  readonly seed: number;
  readonly operations: number;
  /** Several processes at a time, which share the data directory and the stores. */
  readonly isShared: boolean;
  openStores(dataDir: string): Promise<readonly ModelStore[]>;
}

export interface ModelOutcome {
  readonly requests: number;
  readonly interrupted: number;
  readonly kills: number;
  readonly powerCuts: number;
  readonly storeLosses: number;
}

/**
 * Does random things to real journals, their feeding and real stores, and then compares what each store shows with
 * what a small reference has worked out. Throws an `Error` that says what differs.
 */
export async function runAccountingModel(run: ModelRun): Promise<ModelOutcome> {
  await using folder = await tempFolder();
  const stores = await run.openStores(folder.path);
  const world = new World(run, folder.path, stores);
  try {
    await world.begin();
    for (let count = 0; count < run.operations; count += 1) await world.doSomething();
    await world.quiesce();
    return await world.check();
  } finally {
    await world.end();
    for (const store of stores) await store[Symbol.asyncDispose]();
  }
}

const noFaults: FaultChances = {
  beforeTake: 0,
  afterTake: 0,
  inTake: 0,
  twice: 0,
  stale: 0,
  oldMark: 0,
};
const someFaults: FaultChances = {
  beforeTake: 0.15,
  afterTake: 0.15,
  inTake: 0.15,
  twice: 0.1,
  stale: 0.2,
  oldMark: 0.5,
};

const processesMax = 3;
const hourMs = 3_600_000;

/** What is done, and how often for each time that another is. */
const weights = {
  start: 30,
  finish: 28,
  recordWithoutStart: 4,
  amend: 4,
  repeat: 2,
  burst: 3,
  letRun: 14,
  flush: 3,
  sync: 5,
  changeFaults: 4,
  passTime: 4,
  startProcess: 1,
  closeProcess: 1,
  kill: 4,
  cutPower: 1,
  loseStore: 1,
} as const;
type Operation = keyof typeof weights;

class World {
  readonly #run: ModelRun;
  readonly #dataDir: string;
  readonly #stores: readonly ModelStore[];
  readonly #random: () => number;
  readonly #reference = new AccountingReference();
  readonly #counts = { kills: 0, powerCuts: 0, storeLosses: 0 };
  readonly #problems: string[] = [];
  readonly #lastRecords = new WeakMap<ModelProcess, AuditEntry>();
  #processes: ModelProcess[] = [];
  #chances = noFaults;
  /** From a few hours ago on, so that hours, days and now and then weeks and months end. */
  #nowMs: number;

  constructor(run: ModelRun, dataDir: string, stores: readonly ModelStore[]) {
    this.#run = run;
    this.#dataDir = dataDir;
    this.#stores = stores;
    this.#random = seededRandom(run.seed);
    this.#nowMs = Date.now() - 30 * hourMs;
  }

  async begin(): Promise<void> {
    await this.#startProcess();
  }

  async doSomething(): Promise<void> {
    await this.#do(this.#pick());
  }

  /** No faults any more, nobody running, everything fed. */
  async quiesce(): Promise<void> {
    this.#chances = noFaults;
    for (const each of this.#processes.splice(0)) await this.#killOne(each);
    const last = await this.#startProcess();
    for (let attempt = 1; ; attempt += 1) {
      const { behind } = await last.feeder.flush(10_000);
      if (behind.length === 0) break;
      if (attempt === 5) throw new Error(`Stores do not catch up: ${behind.join(", ")}`);
    }
    const { quarantined } = last.feeder.stats();
    for (const from of Object.keys(quarantined)) {
      if (from !== "torn") this.#problems.push(`${from} refused lines`);
    }
    await this.end();
  }

  async end(): Promise<void> {
    for (const each of this.#processes.splice(0)) {
      await each.close();
      this.#problems.push(...each.problems);
    }
  }

  async check(): Promise<ModelOutcome> {
    const problems = this.#problems;
    const journal = await checkJournal(this.#dataDir);
    problems.push(...journal.problems);
    // A writer names what it sees of those that live beside it, and a power cut may take that away.
    const isCutApart = this.#run.isShared && this.#counts.powerCuts > 0;
    if (journal.begunAnew > 1 && !isCutApart) {
      problems.push(`${journal.begunAnew} chains begin at a record that is not there`);
    }
    let [requests, interrupted] = [0, 0];
    for (const store of this.#stores) {
      const shown = await store.shown();
      const expected = this.#reference.expected(store.name);
      problems.push(...differences(store.name, expected, shown));
      for (const record of shown.records) {
        if (verifyLink(modelChainKey, record, record.text)) continue;
        problems.push(`${store.name}: the record ${record.id} is not the one that was sealed`);
      }
      problems.push(...((await store.problems?.()) ?? []).map((each) => `${store.name}: ${each}`));
      requests = shown.requests.size;
      interrupted = [...shown.requests.values()].filter(
        ({ outcome }) => outcome === "interrupted",
      ).length;
    }
    if (problems.length > 0) throw new Error(problems.slice(0, 20).join("\n"));
    return { requests, interrupted, ...this.#counts };
  }

  #pick(): Operation {
    const entries = Object.entries(weights) as [Operation, number][];
    const sum = entries.reduce((total, [, weight]) => total + weight, 0);
    let place = this.#random() * sum;
    for (const [operation, weight] of entries) {
      place -= weight;
      if (place < 0) return operation;
    }
    return "letRun";
  }

  #do(operation: Operation): Promise<void> | void {
    const one = this.#oneOf(this.#processes);
    if (one === undefined) return this.#startProcess().then(() => undefined);
    switch (operation) {
      case "start":
        one.start(this.#aStart());
        return;
      case "finish":
        this.#finish(one);
        return;
      case "recordWithoutStart":
        this.#record(one, this.#aRecord(this.#anId()));
        return;
      case "amend":
        this.#amend(one);
        return;
      case "repeat":
        this.#repeat(one);
        return;
      case "burst":
        for (let count = 0; count < 60; count += 1) {
          one.start(this.#aStart());
          if (this.#random() < 0.9) this.#finish(one);
        }
        return;
      case "letRun":
        return this.#letRun();
      case "flush":
        return one.feeder.flush(200).then(() => undefined);
      case "sync":
        return one.sync();
      case "changeFaults":
        this.#chances = this.#random() < 0.5 ? someFaults : noFaults;
        return;
      case "passTime":
        this.#nowMs = Math.min(Date.now(), this.#nowMs + Math.floor(this.#random() * 3 * hourMs));
        return;
      default:
        return this.#disturb(operation, one);
    }
  }

  async #disturb(operation: Operation, one: ModelProcess): Promise<void> {
    switch (operation) {
      case "startProcess":
        if (this.#run.isShared && this.#processes.length < processesMax) await this.#startProcess();
        break;
      case "closeProcess":
        await this.#closeOne(one);
        break;
      case "kill":
        this.#processes = this.#processes.filter((each) => each !== one);
        await this.#killOne(one);
        if (this.#processes.length === 0 || this.#random() < 0.5) await this.#startProcess();
        break;
      case "cutPower":
        await this.#cutPower();
        break;
      case "loseStore":
        await this.#loseStore();
        break;
      default:
        break;
    }
  }

  async #startProcess(): Promise<ModelProcess> {
    const sinks: JournalSink[] = [];
    for (const store of this.#stores) sinks.push(await this.#sinkOf(store));
    const started = await startModelProcess({
      dataDir: this.#dataDir,
      sinks,
      clock: { epochMs: () => this.#nowMs, tickMs: () => performance.now() },
      isShared: this.#run.isShared,
      reference: this.#reference,
    });
    this.#processes.push(started);
    return started;
  }

  async #sinkOf(store: ModelStore): Promise<JournalSink> {
    // Its own, because how often it is asked is a matter of time: what is done next must not depend on it.
    const random = seededRandom(Math.floor(this.#random() * 2 ** 31));
    return faultySink({
      inner: await store.open(),
      random,
      chances: () => this.#chances,
      onGiven: ({ lines }) => {
        this.#reference.given(store.name, lines);
      },
    });
  }

  #finish(one: ModelProcess): void {
    const at = Math.floor(this.#random() * one.running.length);
    const [start] = one.running.splice(at, 1);
    if (start !== undefined) this.#record(one, this.#aRecord(start.id, start));
  }

  #record(one: ModelProcess, entry: AuditEntry): void {
    one.record(entry);
    this.#lastRecords.set(one, entry);
  }

  #amend(one: ModelProcess): void {
    const entry = this.#aRecord(this.#anId());
    this.#record(one, entry);
    one.record(anAmendment(entry, { id: this.#anId() }));
  }

  /** The same record once more: whoever settles twice by mistake must not be counted twice. */
  #repeat(one: ModelProcess): void {
    const entry = this.#lastRecords.get(one);
    if (entry !== undefined) one.record(entry);
  }

  async #letRun(): Promise<void> {
    const turns = Math.floor(this.#random() * 20);
    for (let count = 0; count < turns; count += 1) await turn();
  }

  async #closeOne(one: ModelProcess): Promise<void> {
    this.#processes = this.#processes.filter((each) => each !== one);
    // A process that is asked to end waits for its requests.
    while (one.running.length > 0) this.#finish(one);
    await one.close();
    this.#problems.push(...one.problems);
    if (this.#processes.length === 0) await this.#startProcess();
  }

  async #killOne(one: ModelProcess): Promise<void> {
    this.#counts.kills += 1;
    await one.kill();
    this.#problems.push(...one.problems);
    if (this.#random() >= 0.4) return;
    const text = startText(this.#aStart());
    const torn = text.slice(0, Math.floor(this.#random() * text.length));
    await leaveTornTail(this.#dataDir, one.writer, torn);
  }

  /** All processes of the machine end at once, and what they had not synced may be gone. */
  async #cutPower(): Promise<void> {
    this.#counts.powerCuts += 1;
    for (const one of this.#processes.splice(0)) {
      const { writer, synced } = one;
      await one.kill();
      const options = { dataDir: this.#dataDir, writer, synced, random: this.#random };
      this.#reference.powerCut(writer, await cutPower(options));
    }
    await this.#startProcess();
  }

  async #loseStore(): Promise<void> {
    const store = this.#oneOf(this.#stores);
    if (store === undefined) return;
    this.#counts.storeLosses += 1;
    const batches = 1 + Math.floor(this.#random() * 20);
    if (store.loseLast !== undefined && this.#random() < 0.6) {
      this.#reference.lost(store.name, store.loseLast(batches));
      return;
    }
    // One that does not find out while it is open is lost while nobody runs.
    if (!store.loss.isNoticed)
      for (const one of this.#processes.splice(0)) await this.#killOne(one);
    this.#reference.lost(store.name);
    await store.loss.lose();
    if (this.#processes.length === 0) await this.#startProcess();
  }

  #anId(): string {
    return ulid(this.#nowMs, this.#random);
  }

  #aStart(): StartRecord {
    return {
      id: this.#anId(),
      tenant: this.#oneOf(modelTenants) ?? "acme",
      key: `key${Math.floor(this.#random() * 3)}`,
      endpoint: "chat",
      model: "smart",
      stream: false,
      route: null,
      tags: {},
      client_request_id: null,
      input_tokens: 10,
      input_nano_usd: Math.floor(this.#random() * 1_000_000),
      cost_status: "estimated",
      lease: null,
    };
  }

  #aRecord(id: string, of: Pick<StartRecord, "tenant" | "key"> = this.#aStart()): AuditEntry {
    if (this.#random() < 0.25) return this.#aHit(id, of);
    // Now and then an amount that a double could not add to another.
    const nanoUsd = Math.floor(this.#random() * (this.#random() < 0.02 ? 2 ** 52 : 10_000_000));
    const isExact = this.#random() < 0.7;
    const entry = anEntry(this.#nowMs, {
      id,
      tenant: of.tenant,
      key: of.key,
      cost_nano_usd: nanoUsd,
      cost_usd: usdText(nanoUsd),
      cost_status: isExact ? "exact" : "estimated",
    });
    return { ...entry, started_at: startedAtOf(id) };
  }

  /** What the cache answered, as this version writes it down or as an older one did. */
  #aHit(id: string, { tenant, key }: Pick<StartRecord, "tenant" | "key">): AuditEntry {
    const outcome = this.#random() < 0.7 ? "exact" : "semantic";
    const amount = (usualMax: number): number =>
      Math.floor(this.#random() * (this.#random() < 0.02 ? 2 ** 52 : usualMax));
    const saved_nano_usd = amount(10_000_000);
    const tokens = { saved_input_tokens: amount(5_000), saved_output_tokens: amount(1_000) };
    const cache =
      this.#random() < 0.8
        ? aCacheEntry({ outcome, saved_nano_usd, ...tokens })
        : anOldCacheEntry({ outcome, saved_nano_usd });
    const entry = aHit(this.#nowMs, {}, { id, tenant, key, cache });
    return { ...entry, started_at: startedAtOf(id) };
  }

  #oneOf<Item>(items: readonly Item[]): Item | undefined {
    return items[Math.floor(this.#random() * items.length)];
  }
}
