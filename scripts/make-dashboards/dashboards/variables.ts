import type { AnnotationSpec, VariableSpec } from "./spec.ts";

export const tenants: VariableSpec = {
  name: "tenant",
  label: "Tenant",
  description: "Who asked. _other: tenants above the bound; _none: no key was known.",
  selector: "sentinel_requests_total",
  labelName: "tenant",
  choice: "many",
};

export const oneTenant: VariableSpec = {
  ...tenants,
  description: "Whose requests, money and limits are shown.",
  // They would be the first of the list, with which Grafana begins, and are no tenant.
  selector: 'sentinel_requests_total{tenant!~"_none|_other"}',
  choice: "one",
};

export const models: VariableSpec = {
  name: "model",
  label: "Model",
  description: "As it was asked for. _unknown: no route serves it.",
  selector: 'sentinel_requests_total{tenant=~"$tenant"}',
  labelName: "model",
  choice: "many",
};

export const providers: VariableSpec = {
  name: "provider",
  label: "Provider",
  description: "Who answered. _none: no provider was asked, as for an answer from the cache.",
  selector: 'sentinel_requests_total{tenant=~"$tenant"}',
  labelName: "provider",
  choice: "many",
};

export const deploys: AnnotationSpec = {
  name: "Starts and deploys",
  // The value is the moment, so that every step of the query names the same one.
  expr: "sentinel_build_info * on (job, instance) group_left () (process_start_time_seconds * 1000)",
  color: "blue",
  title: "{{instance}} starts version {{version}} ({{commit}})",
  isTime: true,
};

export const openCircuits: AnnotationSpec = {
  name: "Open circuits",
  expr: 'max by (target) (sentinel_circuit_state{state="open"})',
  color: "red",
  title: "{{target}}: circuit open",
  isTime: false,
};
