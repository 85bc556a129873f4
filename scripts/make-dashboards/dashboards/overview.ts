import { glanceRow } from "./overview-glance.ts";
import { judgeRow } from "./overview-judge.ts";
import { latencyRow } from "./overview-latency.ts";
import { cacheRow, moneyRow } from "./overview-money.ts";
import { processRow, providersRow, recordsRow } from "./overview-parts.ts";
import { trafficRow } from "./overview-traffic.ts";
import type { DashboardSpec } from "./spec.ts";
import { deploys, models, openCircuits, providers, tenants } from "./variables.ts";

/** All of Sentinel on one page: from what users feel down to the process. */
export const overview: DashboardSpec = {
  uid: "sentinel-overview",
  title: "Sentinel",
  description:
    "The gateway from what users feel down to the process. Tenant, model and provider narrow the panels whose metrics have them.",
  variables: [tenants, models, providers],
  annotations: [deploys, openCircuits],
  rows: [
    glanceRow,
    trafficRow,
    latencyRow,
    moneyRow,
    cacheRow,
    judgeRow,
    providersRow,
    recordsRow,
    processRow,
  ],
};
