// Measures the peers in JavaScript on the same work, in the same way. Prints a JSON line per measurement.
import { readFileSync } from "node:fs";
import aslValidator from "asl-validator";
import { StateMachine } from "aws-local-stepfunctions";
import jsonata from "jsonata";
import { JSONPath } from "jsonpath-plus";

const BATCHES = 51;
const BATCH_NS = 4e6;
const work = JSON.parse(readFileSync(process.argv[2], "utf8"));
const now = () => Number(process.hrtime.bigint());

async function report(what, who, once) {
  const started = now();
  let count = 0;
  while (now() - started < BATCH_NS * 10) {
    await once();
    count += 1;
  }
  const perBatch = Math.max(1, Math.floor(count / 10));
  const samples = [];
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const from = now();
    for (let turn = 0; turn < perBatch; turn += 1) {
      await once();
    }
    samples.push((now() - from) / perBatch);
  }
  samples.sort((a, b) => a - b);
  console.log(JSON.stringify({ what, who, ns: Math.round(samples[Math.floor(BATCHES / 2)]) }));
}

const definition = JSON.stringify(work.machine);
await report("parse and validate 200 states", "asl-validator 4.0 (JS)", () => {
  const { isValid, errorsText } = aslValidator(JSON.parse(definition));
  if (!isValid) throw new Error(errorsText());
});

for (const [kind, machine] of work.small) {
  if (kind === "Wait" || kind === "Pass in JSONata") continue;
  try {
    const options = { validationOptions: { noValidate: true } };
    const runs = new StateMachine(machine, options);
    const overrides = { overrides: { taskResourceLocalHandlers: { S: () => null } } };
    const once = async () => {
      try {
        await runs.run(work.order3, overrides).result;
      } catch (error) {
        if (kind !== "Fail") throw error;
      }
    };
    await once();
    await report(`${kind}: a whole execution`, "aws-local-stepfunctions 3.0 (JS)", once);
  } catch (error) {
    console.error(`${kind}: ${error.message}`);
  }
}

for (const [name, path] of work.paths) {
  await report(`JSONPath, ${name}`, "jsonpath-plus 11.3 (JS)", () => {
    JSONPath({ path, json: work.order200, wrap: true });
  });
}

for (const [name, query] of work.queries) {
  const expression = jsonata(query);
  await report(`JSONata, ${name}`, "jsonata 2.2 (JS)", () => expression.evaluate(work.order200));
}
