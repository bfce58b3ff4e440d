#!/usr/bin/env node
// Writes tests/support/described/github.json anew: what GitHub's published OpenAPI description says of the operations that
// Tidegate uses, and its GraphQL schema of the mutations. They are taken from the npm packages of Octokit that carry them,
// whose bytes must be the ones named here.
//
//     node scripts/github-description.mjs
//
// Needs node, npm and tar. Left out are other operations and what only people read; nothing else is changed. To follow
// GitHub, name newer versions, and what `npm view PACKAGE@VERSION dist.integrity` says of them.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const REST = {
  package: "@octokit/openapi@23.0.2",
  integrity: "sha512-pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==",
};
const GRAPHQL = {
  package: "@octokit/graphql-schema@15.26.1",
  integrity: "sha512-RFDC2MpRBd4AxSRvUeBIVeBU7ojN/SxDfALUd7iVYOSeEK3gZaqR2MGOysj4Zh2xj2RY5fQAUT+Oqq7hWTraMA==",
};
const LICENCE = "MIT License, Copyright (c) Octokit contributors";

// The description that is cut, and those of GitHub Enterprise Server, which must know the same operations.
const DESCRIPTION = "api.github.com.json";
const ENTERPRISE = ["ghes-3.17.json", "ghes-3.18.json", "ghes-3.19.json"];

const OPERATIONS = [
  "POST /app/installations/{installation_id}/access_tokens",
  "GET /rate_limit",
  "GET /repos/{owner}/{repo}",
  "GET /repos/{owner}/{repo}/commits/{ref}",
  "GET /repos/{owner}/{repo}/compare/{basehead}",
  "GET /repos/{owner}/{repo}/deployments",
  "POST /repos/{owner}/{repo}/deployments",
  "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
  "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
  "GET /repos/{owner}/{repo}/issues/{issue_number}/events",
  "POST /repos/{owner}/{repo}/issues/{issue_number}/labels",
  "GET /repos/{owner}/{repo}/pulls",
  "POST /repos/{owner}/{repo}/pulls",
  "GET /repos/{owner}/{repo}/pulls/{pull_number}",
  "PATCH /repos/{owner}/{repo}/pulls/{pull_number}",
  "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge",
  "POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
  "GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews",
  "POST /repos/{owner}/{repo}/releases",
  "PATCH /repos/{owner}/{repo}/releases/{release_id}",
  "GET /repos/{owner}/{repo}/releases/tags/{tag}",
  "POST /repos/{owner}/{repo}/statuses/{sha}",
  "GET /repos/{owner}/{repo}/tags",
];

const MUTATIONS = ["enablePullRequestAutoMerge", "disablePullRequestAutoMerge"];

// What no machine reads.
const FOR_PEOPLE = ["description", "summary", "externalDocs", "title", "example", "tags", "x-github", "servers"];
// Maps from names to something: what is called like a word for people here is none.
const MAPS = ["properties", "schemas", "examples", "parameters", "responses", "headers", "paths", "content"];

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "..", "tests", "support", "described", "github.json");

/** Reads files of a package that npm fetches, once its bytes are seen to be the ones that are meant. */
function unpacked(folder, { package: name, integrity }) {
  const told = execFileSync("npm", ["pack", "--silent", name], { cwd: folder });
  const file = join(folder, told.toString().trim());
  const digest = createHash("sha512").update(readFileSync(file)).digest("base64");
  if (`sha512-${digest}` !== integrity) {
    throw new Error(`${file} is not the ${name} that is meant: its digest is sha512-${digest}`);
  }
  return (path) => {
    execFileSync("tar", ["-xzf", file, "-C", folder, `package/${path}`]);
    return JSON.parse(readFileSync(join(folder, "package", path), "utf8"));
  };
}

/** An operation, by its method and path. */
function find(description, operation) {
  const [method, path] = operation.split(" ");
  return description.paths[path]?.[method.toLowerCase()];
}

/** The same without what only people read. */
function bare(node, isMap = false) {
  if (Array.isArray(node)) {
    return node.map((one) => bare(one));
  }
  if (node === null || typeof node !== "object") {
    return node;
  }
  const kept = Object.entries(node).filter(([key]) => isMap || !FOR_PEOPLE.includes(key));
  // The value of an example is what GitHub answers: all of it.
  return Object.fromEntries(
    kept.map(([key, value]) => [key, key === "value" && !isMap ? value : bare(value, MAPS.includes(key) && !isMap)]),
  );
}

/** Every reference in it. */
function references(node) {
  if (node === null || typeof node !== "object") {
    return [];
  }
  const own = typeof node.$ref === "string" ? [node.$ref] : [];
  return own.concat(Object.values(node).flatMap(references));
}

/** The operations, and what they refer to, directly or not. */
function cut(description) {
  const paths = {};
  for (const operation of OPERATIONS) {
    const found = find(description, operation);
    if (found === undefined) {
      throw new Error(`${DESCRIPTION} does not know ${operation}`);
    }
    const [method, path] = operation.split(" ");
    paths[path] ??= {};
    paths[path][method.toLowerCase()] = bare(found);
  }
  const components = {};
  const open = references(paths);
  while (open.length > 0) {
    const [, , kind, name] = open.pop().split("/");
    if (components[kind]?.[name] === undefined) {
      components[kind] ??= {};
      components[kind][name] = bare(description.components[kind][name]);
      open.push(...references(components[kind][name]));
    }
  }
  const sorted = (map) => Object.fromEntries(Object.entries(map).sort(([one], [other]) => (one < other ? -1 : 1)));
  for (const kind of Object.keys(components)) {
    components[kind] = sorted(components[kind]);
  }
  return { paths: sorted(paths), components: sorted(components) };
}

/** A type as GraphQL writes it: `ID!`, `[String!]`. */
function written(type) {
  switch (type.kind) {
    case "NON_NULL":
      return `${written(type.ofType)}!`;
    case "LIST":
      return `[${written(type.ofType)}]`;
    default:
      return type.name;
  }
}

/** The mutations: what they take, what of their answers is no object, and the values of enumerations among that. */
function mutations(schema) {
  const types = Object.fromEntries(schema.__schema.types.map((type) => [type.name, type]));
  const enums = {};
  const fields = (list) =>
    Object.fromEntries(
      list.map(({ name, type }) => {
        const inner = types[written(type).replace(/[[\]!]/g, "")];
        if (inner.kind === "ENUM") {
          enums[inner.name] = inner.enumValues.map((value) => value.name);
        }
        return [name, written(type)];
      }),
    );
  const isPlain = ({ type }) => ["SCALAR", "ENUM"].includes(types[written(type).replace("!", "")]?.kind);
  const told = MUTATIONS.map((name) => {
    const field = types[schema.__schema.mutationType.name].fields.find((one) => one.name === name);
    const input = types[field.args.find((argument) => argument.name === "input").type.ofType.name];
    const answer = types[written(field.type)].fields.filter(isPlain);
    return [name, { input: fields(input.inputFields), answer: fields(answer) }];
  });
  return { mutations: Object.fromEntries(told), enums };
}

const folder = mkdtempSync(join(tmpdir(), "github-description-"));
try {
  const read = unpacked(folder, REST);
  for (const name of ENTERPRISE) {
    const description = read(`generated/${name}`);
    const unknown = OPERATIONS.filter((operation) => find(description, operation) === undefined);
    if (unknown.length > 0) {
      throw new Error(`${name} does not know ${unknown.join(", ")}`);
    }
  }
  const { openapi, info, ...description } = read(`generated/${DESCRIPTION}`);
  const { title, version, license } = info;
  const origin = {
    cutBy: "scripts/github-description.mjs",
    from: [REST, GRAPHQL],
    licence: LICENCE,
    knownTo: [DESCRIPTION, ...ENTERPRISE],
  };
  const graphql = mutations(unpacked(folder, GRAPHQL)("schema.json"));
  const whole = { openapi, info: { title, version, license }, "x-origin": origin, ...cut(description), "x-graphql": graphql };
  writeFileSync(target, `${JSON.stringify(whole, null, 1)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
