import type { ClientName, Mode } from "./ask.ts";
import type { Verdict } from "./cell.ts";
import type { VendorName } from "./vendors/vendor.ts";

export interface Place {
  readonly feature: string;
  readonly vendor: VendorName;
  readonly client: ClientName;
  readonly mode: Mode;
}

/** The matrix as far as it has been tested. A cell that nobody filled in is a gap, and shows as one. */
export class Table {
  readonly #places: readonly Place[];
  readonly #verdicts = new Map<string, Verdict | "FAILED">();

  constructor(places: readonly Place[]) {
    this.#places = places;
  }

  note(place: Place, verdict: Verdict | "FAILED"): void {
    this.#verdicts.set(nameOf(place), verdict);
  }

  get gaps(): readonly string[] {
    return this.#places.map(nameOf).filter((name) => !this.#verdicts.has(name));
  }

  /** One table for each client: a row for each feature, a column for each vendor and mode. */
  print(client: ClientName): string {
    const places = this.#places.filter((place) => place.client === client);
    const columns = [...new Set(places.map(columnOf))];
    const rows = [...new Set(places.map(({ feature }) => feature))].map((feature) => [
      feature,
      ...columns.map((column) => {
        const place = places.find((at) => at.feature === feature && columnOf(at) === column);
        return (place && this.#verdicts.get(nameOf(place))) ?? "GAP";
      }),
    ]);
    const vendors = ["", ...columns.map((column) => column.split(" ")[0] ?? "")];
    const modes = [`${client} client`, ...columns.map((column) => column.split(" ")[1] ?? "")];
    const lines = [vendors, modes, ...rows];
    const widths = modes.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
    return lines
      .map((line) => line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("  "))
      .map((line) => `${line.trimEnd()}\n`)
      .join("");
  }
}

const columnOf = ({ vendor, mode }: Place): string => `${vendor} ${mode}`;

export const nameOf = ({ feature, vendor, client, mode }: Place): string =>
  `${vendor}, ${client} client, ${mode}: ${feature}`;
