/** What was done and found, a line each, as it happens. */
export class Report {
  isGood = true;

  /** Something that the rest needs: its failure ends the proof. */
  async step<Result>(name: string, run: () => Promise<Result>): Promise<Result> {
    const begin = performance.now();
    const result = await run();
    console.log(`done   ${name} (${((performance.now() - begin) / 1_000).toFixed(1)} s)`);
    return result;
  }

  /** One property. What it resolves to is shown. */
  async check(name: string, run: () => Promise<string>): Promise<void> {
    try {
      console.log(`ok     ${name}: ${await run()}`);
    } catch (error) {
      this.isGood = false;
      console.log(`FAILED ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

export function demand(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new Error(otherwise);
}
