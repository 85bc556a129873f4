import type { Demo } from "./start-demo.ts";

/** Where to look while it runs, as commands that can be copied. */
export function whereToLook(demo: Demo): string {
  const { url, tenants, adminToken, logPath } = demo;
  return `
  Sentinel listens on ${url}, and clients are talking to it.

  Metrics     curl ${url}/metrics
              curl ${url}/metrics/prometheus
  Health      curl ${url}/health
  Usage       curl -H "authorization: Bearer ${tenants["corner-shop"].key}" "${url}/v1/usage?group_by=model"
  Audit       curl -H "authorization: Bearer ${tenants["corner-shop"].key}" "${url}/v1/audit?limit=5"
  Of all      curl -H "authorization: Bearer ${adminToken}" "${url}/v1/usage?tenant=help-desk"
  Scores      curl -H "authorization: Bearer ${tenants["corner-shop"].key}" "${url}/v1/usage?metrics=judge&group_by=model"
  Jobs        curl -H "authorization: Bearer ${adminToken}" ${url}/admin/v1/jobs
  Log         tail -f ${logPath}
  One request curl -H "authorization: Bearer ${adminToken}" "${url}/v1/audit/<x-request-id>?tenant=corner-shop"
  Prometheus  ${demo.prometheusCommand}
              then http://127.0.0.1:9090; a Grafana beside it shows monitoring/grafana/dashboards

  Answers are judged by lot here: the scores say nothing. Verdicts of the shield come with the shield.
`;
}

/** One line: how far it is. */
export function progressLine({ figures }: Demo, elapsedSeconds: number): string {
  const { requestCount, runningCount, byStatus, byCache } = figures;
  const codes = Object.entries(byStatus).map(([code, count]) => `${codeName(code)}: ${count}`);
  const hits = (byCache["exact"] ?? 0) + (byCache["semantic"] ?? 0);
  return (
    `${elapsedSeconds.toFixed(0).padStart(3)} s  ${requestCount} requests (${runningCount} running)  ` +
    `cache hits ${hits} (${byCache["semantic"] ?? 0} by meaning)  ${codes.join("  ")}`
  );
}

function codeName(code: string): string {
  if (code === "0") return "cut";
  return code === "499" ? "left" : code;
}
