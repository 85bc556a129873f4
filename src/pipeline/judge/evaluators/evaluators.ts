import type { NamedEvaluator } from "../../../config/judge-config.ts";
import { builtInEvaluators } from "./built-in.ts";
import { newestOfEach } from "../calibration/calibration-bounds.ts";
import { calibrationReportSchema } from "../calibration/calibration-report.ts";
import type { CalibrationReport } from "../calibration/calibration-report.ts";
import { toEvaluator } from "./evaluator-definition.ts";
import type { FoundEvaluator } from "./evaluator-definition.ts";
import type { Evaluator } from "./evaluator.ts";
import type { JudgeStore, StoredCalibration } from "./judge-store.ts";
import { readStoredEvaluator } from "./stored-evaluator.ts";
import type { StoredReading } from "./stored-evaluator.ts";
import { versionOf } from "./version.ts";

/**
 * All evaluators that there are, in memory: those that Sentinel brings along, those of `sentinel.yaml`, and those that
 * were made through the admin API; and the newest calibration of each. The first two go before the third where they have
 * its name. Whoever looks one up never waits, and what is known stays known while the store does not answer.
 */
export interface Evaluators extends Disposable {
  /** By `name`, which means its newest version, or by `name@version`. */
  find(reference: string): FoundEvaluator | undefined;
  /**
   * The same, and reads the store again for one that is not known: it may be of a moment ago, or the store have been away.
   * Rejects with `store_unavailable`.
   */
  look(reference: string): Promise<FoundEvaluator | undefined>;
  /** What each name means: those that Sentinel brings along, those of the file, stored ones. */
  list(): readonly FoundEvaluator[];
  /** Every version of a name, the one that it means first; empty where there is none. */
  versions(name: string): readonly FoundEvaluator[];
  /** Stored ones that this version of Sentinel cannot read: a sentence on each. */
  problems(): readonly EvaluatorProblem[];
  /** The newest, of this very version with this model. */
  calibration(evaluator: string, version: string, model: string): CalibrationReport | undefined;
  /** Reads the store again: after a change, here or in another replica. Rejects with `store_unavailable`. */
  refresh(): Promise<void>;
  /** The file was read again. */
  reload(judges: readonly NamedEvaluator[]): void;
}

export interface EvaluatorProblem {
  readonly name: string;
  readonly version: string;
  readonly problem: string;
}

export interface EvaluatorsDeps {
  readonly store: Pick<JudgeStore, "listEvaluators" | "listCalibrations">;
  /** Those of `sentinel.yaml`. */
  readonly judges: readonly NamedEvaluator[];
  /** Told once of a store that does not answer, until it answers again. */
  readonly onError: (error: unknown) => void;
  readonly refreshMs?: number;
}

/** A change that another replica did not hear of takes so long to reach it. */
const defaultRefreshMs = 30_000;

/** Resolves when the store has been read, or could not be: then what is stored is not known yet. */
export async function openEvaluators(deps: EvaluatorsDeps): Promise<Evaluators> {
  const evaluators = new KnownEvaluators(deps);
  await evaluators.tryRefresh();
  return evaluators;
}

class KnownEvaluators implements Evaluators {
  readonly #store: EvaluatorsDeps["store"];
  readonly #onError: EvaluatorsDeps["onError"];
  readonly #timer: NodeJS.Timeout;
  #configured: readonly FoundEvaluator[];
  /** Stored ones never change, so that each is read once; by name and the version that it is stored as. */
  #stored: ReadonlyMap<string, StoredReading> = new Map();
  /** By the calibration's id: these do not change either. */
  #reports: ReadonlyMap<string, CalibrationReport> = new Map();
  #newestReports: ReadonlyMap<string, CalibrationReport> = new Map();
  #byName: ReadonlyMap<string, readonly FoundEvaluator[]> = new Map();
  #byReference: ReadonlyMap<string, FoundEvaluator> = new Map();
  #reading: Promise<void> = Promise.resolve();
  #isFailing = false;

  constructor({ store, judges, onError, refreshMs = defaultRefreshMs }: EvaluatorsDeps) {
    this.#store = store;
    this.#onError = onError;
    this.#configured = judges.map(configured);
    this.#index();
    this.#timer = setInterval(() => void this.tryRefresh(), refreshMs).unref();
  }

  find(reference: string): FoundEvaluator | undefined {
    return this.#byReference.get(reference);
  }

  async look(reference: string): Promise<FoundEvaluator | undefined> {
    const known = this.find(reference);
    if (known !== undefined) return known;
    await this.refresh();
    return this.find(reference);
  }

  list(): readonly FoundEvaluator[] {
    return [...this.#byName.keys()].flatMap((name) => this.find(name) ?? []);
  }

  versions(name: string): readonly FoundEvaluator[] {
    return this.#byName.get(name) ?? [];
  }

  problems(): readonly EvaluatorProblem[] {
    return [...this.#stored.values()].flatMap((each) => (each.kind === "unreadable" ? [each] : []));
  }

  calibration(evaluator: string, version: string, model: string): CalibrationReport | undefined {
    return this.#newestReports.get(reportKey({ evaluator, version, model }));
  }

  reload(judges: readonly NamedEvaluator[]): void {
    this.#configured = judges.map(configured);
    this.#index();
  }

  /** One after the other: whoever asks while the store is being read may be about something newer. */
  refresh(): Promise<void> {
    const reading = this.#reading.then(() => this.#readStore());
    this.#reading = reading.catch(() => undefined); // Whoever asked for it is told.
    return reading;
  }

  /** Never rejects. */
  async tryRefresh(): Promise<void> {
    try {
      await this.refresh();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#onError(error);
      this.#isFailing = true;
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #readStore(): Promise<void> {
    const [evaluators, calibrations] = await Promise.all([
      this.#store.listEvaluators(),
      this.#store.listCalibrations(),
    ]);
    const read = new Map<string, StoredReading>();
    for (const stored of evaluators) {
      const key = `${stored.name}@${stored.version}`;
      const known = this.#stored.get(key) ?? readStoredEvaluator(stored);
      read.set(key, { ...known, isCurrent: stored.isCurrent });
    }
    this.#stored = read;
    this.#readReports(newestOfEach(calibrations));
    this.#index();
  }

  #readReports(newest: readonly StoredCalibration[]): void {
    const byId = new Map<string, CalibrationReport>();
    const byKey = new Map<string, CalibrationReport>();
    for (const calibration of newest) {
      const { id, report } = calibration;
      const known = this.#reports.get(id) ?? calibrationReportSchema.safeParse(report).data;
      // One that another version of Sentinel made: as if nobody had calibrated.
      if (known === undefined) continue;
      byId.set(id, known);
      byKey.set(reportKey(calibration), known);
    }
    this.#reports = byId;
    this.#newestReports = byKey;
  }

  #index(): void {
    const fixed = [...builtIn, ...this.#configured];
    const byName = new Map(fixed.map((each) => [each.evaluator.name, [each]]));
    const byReference = new Map(fixed.map((each) => [each.evaluator.name, each]));
    const taken = new Set(byName.keys());
    for (const each of this.#stored.values()) {
      if (each.kind === "unreadable" || taken.has(each.found.evaluator.name)) continue;
      const { version, evaluator } = each.found;
      const { name } = evaluator;
      const known = byName.get(name) ?? [];
      const others = known.filter((other) => other.version !== version);
      // Stored twice, by two versions of Sentinel: it is one now.
      if (others.length < known.length && !each.isCurrent) continue;
      byName.set(name, each.isCurrent ? [each.found, ...others] : [...others, each.found]);
      // A name whose newest version cannot be read means nothing: an older one is not what was asked for.
      if (each.isCurrent) byReference.set(name, each.found);
    }
    for (const [name, versions] of byName) {
      for (const each of versions) byReference.set(`${name}@${each.version}`, each);
    }
    this.#byName = byName;
    this.#byReference = byReference;
  }
}

const found = (evaluator: Evaluator): FoundEvaluator => ({
  evaluator,
  version: versionOf(evaluator),
  createdAtMs: undefined,
});

const builtIn: readonly FoundEvaluator[] = builtInEvaluators.map(found);

const configured = ({ name, input }: NamedEvaluator): FoundEvaluator =>
  found(toEvaluator(name, input, "yaml"));

const reportKey = ({
  evaluator,
  version,
  model,
}: Pick<StoredCalibration, "evaluator" | "version" | "model">): string =>
  `${evaluator}@${version} ${model}`;
