/** The fields that the provider could not take, as the gateway names them. */
export function droppedParamsOf(response: Response): readonly string[] {
  const named = response.headers.get("x-sentinel-dropped-params") ?? "";
  return named === "" ? [] : named.split(",");
}
