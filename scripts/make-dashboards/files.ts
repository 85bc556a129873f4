import { fileURLToPath } from "node:url";
import { format } from "prettier";

import { buildDashboard } from "./dashboards/build.ts";
import { dashboards } from "./expressions.ts";
import { alertRules } from "./rules/alerts.ts";
import { recordingRules } from "./rules/recording.ts";
import { ruleFileYaml } from "./rules/rule-file.ts";

export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

/** What `npm run dashboards` writes, as it has to stand in the repository. */
export async function generatedFiles(): Promise<readonly GeneratedFile[]> {
  const rules = [
    { name: "recording", groups: recordingRules() },
    { name: "alerts", groups: alertRules() },
  ];
  return Promise.all([
    ...rules.map(async ({ name, groups }) => ({
      path: monitoringPath(`rules/${name}.yml`),
      text: await format(ruleFileYaml(groups), { parser: "yaml", printWidth }),
    })),
    ...dashboards.map(async (dashboard) => ({
      path: monitoringPath(`grafana/dashboards/${fileNameOf(dashboard.uid)}`),
      text: await format(JSON.stringify(buildDashboard(dashboard)), { parser: "json", printWidth }),
    })),
  ]);
}

/** Of the repository's formatter, which would otherwise write them anew. */
const printWidth = 100;

export const monitoringPath = (path: string): string =>
  fileURLToPath(new URL(`../../monitoring/${path}`, import.meta.url));

const fileNameOf = (uid: string): string =>
  uid === "sentinel-overview" ? "sentinel.json" : `${uid}.json`;
