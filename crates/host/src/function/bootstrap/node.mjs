// Runs a Node.js handler: asks the Lambda Runtime API for calls, one after the other, and answers them.

import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import util from "node:util";

const api = "/2018-06-01/runtime";
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const root = process.env.LAMBDA_TASK_ROOT;

let requestId;

class Fault extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

function ask(method, at, body, headers = {}) {
  const given = body === undefined ? headers : { "Content-Type": "application/json", ...headers };
  const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const options = { host, port, path: api + at, method, agent, headers: { ...given, ...length } };
    const request = http.request(options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ response, body: Buffer.concat(chunks).toString() }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

// Lambda's names are told with their trace; whatever is no Error has none.
function told(error) {
  if (util.types.isNativeError(error) || error instanceof Error) {
    return {
      errorType: error.name,
      errorMessage: error.message,
      trace: (error.stack ?? "").replaceAll("\x7F", "%7F").split("\n"),
    };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

async function fail(at, error, label) {
  const given = told(error);
  console.error(`${label} \t${JSON.stringify({ ...given, stack: given.trace })}`);
  const headers = { "Lambda-Runtime-Function-Error-Type": given.errorType };
  await ask("POST", at, JSON.stringify(given), headers);
}

function file(module) {
  const base = path.resolve(root, module);
  const endings = ["", ".js", ".mjs", ".cjs"];
  const isFile = (name) => fs.existsSync(name) && fs.statSync(name).isFile();
  return endings.map((ending) => base + ending).find(isFile);
}

async function imported(name) {
  if (name.endsWith(".cjs")) {
    return createRequire(import.meta.url)(name);
  }
  const module = await import(pathToFileURL(name).href);
  return module;
}

async function load(handler) {
  const folder = path.dirname(handler);
  const [, module, exported] = path.basename(handler).match(/^([^.]+)\.(.+)$/) ?? [];
  if (!module) {
    throw new Fault("Runtime.MalformedHandlerName", `Bad handler: '${handler}'`);
  }
  const found = file(path.join(folder, module));
  if (!found) {
    throw new Fault("Runtime.ImportModuleError", `Error: Cannot find module '${module}'`);
  }
  let names;
  try {
    names = await imported(found);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new Fault("Runtime.UserCodeSyntaxError", `SyntaxError: ${error.message}`);
    }
    if (["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"].includes(error?.code)) {
      throw new Fault("Runtime.ImportModuleError", `Error: ${error.message}`);
    }
    throw error;
  }
  const walk = (from) => exported.split(".").reduce((value, name) => value?.[name], from);
  const run = walk(names) ?? walk(names.default);
  if (run === undefined) {
    throw new Fault("Runtime.HandlerNotFound", `${handler} is undefined or not exported`);
  }
  if (typeof run !== "function") {
    throw new Fault("Runtime.HandlerNotFound", `${handler} is not a function`);
  }
  return run;
}

function context(headers, done) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const client = headers["lambda-runtime-client-context"];
  return {
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: client === undefined ? undefined : JSON.parse(client),
    identity: undefined,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    done: (error, result) => done(error, result),
    fail: (error) => done(error ?? new Error("fail")),
    succeed: (result) => done(null, result),
  };
}

// A handler answers by the promise that it returns, or through its callback. One that does neither has answered with null
// when nothing is left to do.
function run(handler, event, headers) {
  return new Promise((resolve, reject) => {
    let answered = false;
    let settle = () => resolve(null);
    const whenIdle = () => settle();
    process.once("beforeExit", whenIdle);
    const finish = (end) => {
      process.removeListener("beforeExit", whenIdle);
      end();
    };
    const done = (waits) => (error, result) => {
      if (answered) {
        return;
      }
      answered = true;
      settle = () => (error ? reject(error) : resolve(result));
      if (!waits()) {
        finish(settle);
      }
    };
    const given = context(headers, done(() => false));
    try {
      const returned = handler(event, given, done(() => given.callbackWaitsForEmptyEventLoop));
      if (typeof returned?.then === "function") {
        returned.then((result) => finish(() => resolve(result)), (error) => finish(() => reject(error)));
      }
    } catch (error) {
      finish(() => reject(error));
    }
  });
}

function parse(body) {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new Fault("Runtime.UnmarshalError", `Unable to parse input: ${error.message}`);
  }
}

function text(result) {
  try {
    return JSON.stringify(result ?? null) ?? "null";
  } catch (error) {
    throw new Fault("Runtime.MarshalError", `Unable to stringify response body: ${error.message}`);
  }
}

async function serveOne(handler) {
  const { response, body } = await ask("GET", "/invocation/next");
  if (response.statusCode !== 200) {
    process.exit(0);
  }
  requestId = response.headers["lambda-runtime-aws-request-id"];
  process.env._X_AMZN_TRACE_ID = response.headers["lambda-runtime-trace-id"] ?? "";
  try {
    const result = text(await run(handler, parse(body), response.headers));
    await ask("POST", `/invocation/${requestId}/response`, result);
  } catch (error) {
    await fail(`/invocation/${requestId}/error`, error, "Invoke Error");
  }
  requestId = undefined;
}

// Lines of the console begin as they do with Lambda.
function setUpConsole() {
  const levels = { debug: "DEBUG", error: "ERROR", info: "INFO", log: "INFO", trace: "TRACE", warn: "WARN" };
  for (const [name, level] of Object.entries(levels)) {
    console[name] = (...words) => {
      const line = `${new Date().toISOString()}\t${requestId}\t${level}\t${util.format(...words)}`;
      fs.writeSync(1, `${line}\n`);
    };
  }
}

// What nobody catches ends the process, as with Lambda.
async function crash(error, status) {
  const at = requestId === undefined ? "/init/error" : `/invocation/${requestId}/error`;
  try {
    await fail(at, error, "Uncaught");
  } finally {
    process.exit(status);
  }
}

function unhandled(reason) {
  const error = new Fault("Runtime.UnhandledPromiseRejection", String(reason));
  error.stack = reason?.stack ?? error.stack;
  return error;
}

setUpConsole();
process.on("uncaughtException", (error) => crash(error, 129));
process.on("unhandledRejection", (reason) => crash(unhandled(reason), 128));

let handler;
try {
  handler = await load(process.env._HANDLER);
} catch (error) {
  await fail("/init/error", error, "Uncaught");
  process.exit(1);
}
while (true) {
  await serveOne(handler);
}
