import { writeFile } from "node:fs/promises";
import { join } from "node:path";

const rules = join(import.meta.dirname, "../../monitoring/rules/*.yml");

/**
 * The command that starts a Prometheus on the demo: with the rules and alerts of `monitoring/`, and quick enough for a
 * minute. What it stores is not the demo's, and stays.
 */
export async function preparePrometheus(url: string, folder: string): Promise<string> {
  const config = {
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: [rules],
    scrape_configs: [
      {
        job_name: "sentinel",
        metrics_path: "/metrics/prometheus",
        static_configs: [{ targets: [new URL(url).host] }],
      },
    ],
  };
  const path = join(folder, "prometheus.yml");
  // JSON is YAML.
  await writeFile(path, JSON.stringify(config, null, 2));
  return `prometheus --config.file=${path} --storage.tsdb.path=${folder}-prometheus`;
}
