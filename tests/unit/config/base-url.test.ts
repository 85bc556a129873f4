import { expect, test } from "vitest";
import { pointsAt } from "../../../src/config/base-url.ts";

const listener = (host: string) => ({ host, ports: [8000, 8001], ownNames: ["pod-1", "10.1.2.3"] });

test.each([
  ["127.0.0.1", "http://127.0.0.1:8000/v1"],
  ["127.0.0.1", "http://localhost:8001/v1"],
  ["127.0.0.1", "http://api.localhost:8000"],
  ["localhost", "http://[::1]:8000/v1"],
  ["127.0.0.1", "http://0.0.0.0:8000/v1"],
  ["127.0.0.1", "http://2130706433:8000/v1"],
  ["::1", "http://[::ffff:127.0.0.1]:8000/v1"],
  ["0.0.0.0", "http://127.0.0.1:8000/v1"],
  ["0.0.0.0", "http://pod-1:8000/v1"],
  ["::", "http://10.1.2.3:8000/v1"],
  ["10.1.2.3", "http://10.1.2.3:8000/v1"],
  ["gateway.example.com", "http://GATEWAY.example.com:8000"],
])("a listener on %s is what %s points at", (host, url) => {
  expect(pointsAt(listener(host), url)).toBe(true);
});

test.each([
  ["127.0.0.1", "http://127.0.0.1:8002/v1"],
  ["127.0.0.1", "https://api.openai.com/v1"],
  ["10.1.2.3", "http://127.0.0.1:8000/v1"],
  ["127.0.0.1", "http://10.1.2.3:8000/v1"],
  ["0.0.0.0", "http://gpu:8000/v1"],
  ["127.0.0.1", "http://127.example.com:8000/v1"],
  ["127.0.0.1", ""],
])("a listener on %s is not what %s points at", (host, url) => {
  expect(pointsAt(listener(host), url)).toBe(false);
});
