/** Brings some gauges up to date. */
export type Collect = () => void | Promise<void>;

/** A scrape waits so long for what brings figures up to date, and then goes out with what there is. */
const collectMsMax = 1_000;

/** What runs before figures are read. No scrape fails because one part cannot say how it is. */
export class Collectors {
  readonly #onFailure: (error: unknown) => void;
  readonly #collects: Collect[] = [];
  /** Those under way: they are not started again meanwhile, and scrapes at the same time share them. */
  readonly #running = new Map<Collect, Promise<void>>();

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  add(collect: Collect): void {
    this.#collects.push(collect);
  }

  /** Never rejects, and takes little more than a second at most. */
  async run(): Promise<void> {
    const waits = this.#collects
      .map((collect) => this.#start(collect))
      .filter((running) => running !== undefined);
    if (waits.length === 0) return;
    const late = Promise.withResolvers<"late">();
    const timer = setTimeout(() => late.resolve("late"), collectMsMax);
    const winner = await Promise.race([Promise.all(waits), late.promise]);
    clearTimeout(timer);
    if (winner === "late") {
      this.#onFailure(new Error(`Figures were not up to date within ${collectMsMax} ms`));
    }
  }

  /** Undefined where there is nothing to wait for. */
  #start(collect: Collect): Promise<void> | undefined {
    const underWay = this.#running.get(collect);
    if (underWay !== undefined) return underWay;
    try {
      const running = collect();
      if (running === undefined) return undefined;
      const finished = this.#finish(collect, running);
      this.#running.set(collect, finished);
      return finished;
    } catch (error) {
      this.#onFailure(error);
      return undefined;
    }
  }

  async #finish(collect: Collect, running: Promise<void>): Promise<void> {
    try {
      await running;
    } catch (error) {
      this.#onFailure(error);
    } finally {
      this.#running.delete(collect);
    }
  }
}
