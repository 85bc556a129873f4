import { usdText } from "../../lib/usd.ts";
import { dollarText, grouped, table } from "../table.ts";
import type { Column } from "../table.ts";
import type { WarmTally } from "./warm-tally.ts";

const number = (title: string, value: (tally: WarmTally) => number): Column<WarmTally> => ({
  title,
  text: (tally) => grouped(String(value(tally))),
  isNumber: true,
});

const columns: readonly Column<WarmTally>[] = [
  number("LINES", ({ lines }) => lines),
  number("STORED NOW", ({ stored }) => stored),
  number("THERE ALREADY", ({ exact, semantic }) => exact + semantic),
  number("NOT CACHEABLE", ({ bypassed, uncacheable }) => bypassed + uncacheable),
  number("FAILED", ({ failed }) => failed),
  { title: "COST", text: ({ nanoUsd }) => dollarText(usdText(nanoUsd)), isNumber: true },
];

/** The sums of a run, for a person. */
export function warmText(tally: WarmTally): string {
  const { estimated, unpriced, costUnknown, semantic } = tally;
  const remarks = [
    [semantic, "of those there already are so by the semantic tier"],
    [estimated, "costs are estimated"],
    [unpriced, "answers have no price, and are not in the cost"],
    [costUnknown, "streams did not say what they cost: the usage has it"],
  ] as const;
  const said = remarks.filter(([count]) => count > 0);
  const lines = said.map(([count, what]) => `${grouped(String(count))} ${what}`);
  return [table(columns, [tally]), ...lines].join("\n");
}

/** The sums so far, in one line. */
export function progressText(tally: WarmTally): string {
  const { lines, stored, exact, semantic, failed, nanoUsd } = tally;
  const parts = [
    `${grouped(String(lines))} lines`,
    `${grouped(String(stored))} stored`,
    `${grouped(String(exact + semantic))} there already`,
    ...(failed === 0 ? [] : [`${grouped(String(failed))} failed`]),
    dollarText(usdText(nanoUsd)),
  ];
  return parts.join(" · ");
}
