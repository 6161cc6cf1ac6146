// The worker of the floors that talk to a thread by hand: one way each.
import { parentPort, workerData } from "node:worker_threads";
import { validate } from "../../../fixtures/validate-email/native/validate.mjs";

const TURN = 0;
const LENGTH = 1;
const TEXT_AT = 16;

const answer = (payload) => JSON.stringify(validate(JSON.parse(payload)));

function answerTo({ id, payload }) {
  try {
    return { id, result: answer(payload) };
  } catch (error) {
    return { id, error: String(error) };
  }
}

const ways = {
  message: () => parentPort.on("message", (call) => parentPort.postMessage(answerTo(call))),
  batch: () => parentPort.on("message", (calls) => parentPort.postMessage(calls.map(answerTo))),
  atomics() {
    const control = new Int32Array(workerData.shared, 0, 4);
    const text = Buffer.from(workerData.shared, TEXT_AT);
    for (;;) {
      Atomics.wait(control, TURN, 0);
      control[LENGTH] = text.write(answer(text.toString("utf8", 0, control[LENGTH])));
      Atomics.store(control, TURN, 0);
      Atomics.notify(control, TURN);
    }
  },
};

parentPort.postMessage("ready");
ways[workerData.way]();
