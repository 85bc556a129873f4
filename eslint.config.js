import tseslint from "typescript-eslint";

/** STYLE in code: what a reviewer would otherwise have to say by hand. Warnings are errors. */
export default tseslint.config(
  { ignores: ["node_modules/**", "dist/**", "data/**", ".cache/**"] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-unnecessary-condition": [
        "error",
        { allowConstantLoopConditions: "only-allowed-literals" },
      ],
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true },
      ],
      "max-lines": ["error", { max: 400, skipBlankLines: true, skipComments: true }],
      "max-lines-per-function": ["error", { max: 70, skipBlankLines: true, skipComments: true }],
      complexity: ["error", { max: 12, variant: "modified" }],
      "no-console": "error",
      "no-restricted-properties": [
        "error",
        {
          object: "process",
          property: "env",
          message: "Only src/config/load.ts reads the environment.",
        },
      ],
    },
  },
  { files: ["src/config/load.ts"], rules: { "no-restricted-properties": "off" } },
  {
    files: ["scripts/**", "loadtests/**"],
    rules: { "no-console": "off", "no-restricted-properties": "off" },
  },
  {
    files: ["tests/**"],
    rules: {
      "no-restricted-properties": "off",
      "max-lines-per-function": "off",
      "@typescript-eslint/no-non-null-assertion": "error",
    },
  },
  { files: ["**/*.js"], ...tseslint.configs.disableTypeChecked },
);
