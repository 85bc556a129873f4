/** The configuration cannot be used. Holds everything that is wrong with it, so that one start is enough to see it. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  readonly problems: readonly string[];

  /** Each problem names its variable or field, and says what is wrong and how to put it right. */
  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
    const listed = problems.map((problem, index) => `  ${index + 1}. ${problem}`);
    super([`The configuration has ${count}:`, ...listed].join("\n"));
    this.problems = problems;
  }
}
