import packageJson from "../package.json" with { type: "json" };

export const { version } = packageJson;

/** What `npm run build` puts here. */
declare const sentinelBuildCommit: string | undefined;

/** The commit that a build was made from; undefined where the sources run as they are. */
export const commit: string | undefined =
  typeof sentinelBuildCommit === "undefined" ? undefined : sentinelBuildCommit;
